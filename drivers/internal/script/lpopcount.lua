-- key, count: LPOP with a count.
local count = string.match(ARGV[1] or '', '^%d+$') and tonumber(ARGV[1])
if not count then return {err = 'ERR value is out of range, must be positive'} end
local length = redis.pcall('LLEN', KEYS[1])
if type(length) == 'table' then return fail(length) end
if length == 0 then return false end
if count == 0 then return {} end
if count > length then count = length end
local taken = redis.pcall('LRANGE', KEYS[1], 0, count - 1)
if taken.err then return fail(taken) end
local trimmed = redis.pcall('LTRIM', KEYS[1], count, -1)
if trimmed.err then return fail(trimmed) end
return taken
