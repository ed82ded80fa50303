-- key, token: 1 if the token held the lock. The number of the fence stays.
if #ARGV ~= 1 then return few('xcache.lock.release') end
local held = redis.pcall('HMGET', KEYS[1], 'token', 'until', 'waits')
if held.err then return fail(held) end
if held[1] ~= ARGV[1] then return 0 end
local removed = redis.pcall('HDEL', KEYS[1], 'token', 'until', 'waits')
if failed(removed) then return fail(removed) end
if held[3] then redis.pcall('PUBLISH', KEYS[1], '') end
if tonumber(held[2] or 0) <= now then return 0 end
return 1
