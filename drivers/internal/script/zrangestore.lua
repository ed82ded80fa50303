-- destination, source, min, max, option…: ZRANGESTORE.
if #ARGV < 2 then return few('zrangestore') end
local scored = range(KEYS[2], 1, true)
if failed(scored) then return scored end
return put(KEYS[1], scored)
