-- key, value, option…: SET with GET, which is one of the options.
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then return fail(held) end
local command = {'SET', KEYS[1], ARGV[1]}
for i = 2, #ARGV do
  if string.upper(ARGV[i]) ~= 'GET' then command[#command + 1] = ARGV[i] end
end
local stored = redis.pcall(unpack(command))
if type(stored) == 'table' and stored.err then return fail(stored) end
return held
