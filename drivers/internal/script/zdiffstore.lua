-- destination, key…, number of keys: ZDIFFSTORE.
if #ARGV ~= 1 or whole(ARGV[1]) ~= #KEYS - 1 then return refuse('syntax error') end
local found, refused = combine('DIFF', 2)
if not found then return refused end
return put(KEYS[1], sorted(found))
