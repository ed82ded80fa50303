-- key, member…: SMISMEMBER.
if #ARGV == 0 then return few('smismember') end
local found = {}
for i = 1, #ARGV do
  found[i] = redis.pcall('SISMEMBER', KEYS[1], ARGV[i])
  if failed(found[i]) then return fail(found[i]) end
end
return found
