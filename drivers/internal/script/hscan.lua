-- key, cursor, option…: HSCAN with NOVALUES, which is one of the options.
local command = {'HSCAN', KEYS[1]}
for i = 1, #ARGV do
  if i == 1 or string.upper(ARGV[i]) ~= 'NOVALUES' then command[#command + 1] = ARGV[i] end
end
local found = redis.pcall(unpack(command))
if failed(found) then return fail(found) end
local fields = {}
for i = 1, #found[2], 2 do fields[#fields + 1] = found[2][i] end
return {found[1], fields}
