-- key, token, value, ttl: 1 if the value of the token is kept.
if #ARGV ~= 3 then return few('xcache.once.done') end
local ttl = milliseconds(ARGV[3])
if not ttl then return refuse('syntax error: a TTL must be a positive number of milliseconds') end
local held = redis.pcall('HMGET', KEYS[1], 'token', 'value', 'waits')
if held.err then return fail(held) end
if held[1] ~= ARGV[1] then return 0 end
if held[2] then return 1 end
local set = redis.pcall('HSET', KEYS[1], 'value', ARGV[2], 'until', '0')
if failed(set) then return fail(set) end
redis.call('PEXPIRE', KEYS[1], digits(ttl))
if held[3] then redis.pcall('PUBLISH', KEYS[1], '') end
return 1
