-- key, token, lease: 1 if the token holds the lock, and goes on to.
if #ARGV ~= 2 then return few('xcache.lock.extend') end
local lease = milliseconds(ARGV[2])
if not lease then return refuse(badlease) end
local held = redis.pcall('HMGET', KEYS[1], 'token', 'until')
if held.err then return fail(held) end
if held[1] ~= ARGV[1] or tonumber(held[2] or 0) <= now then return 0 end
local set = redis.pcall('HSET', KEYS[1], 'until', digits(now + lease * 1000))
if failed(set) then return fail(set) end
redis.call('PEXPIRE', KEYS[1], lease + 3600000)
return 1
