-- key, token, lease: 1 if the token holds a permit, and goes on to.
if #ARGV ~= 2 then return few('xcache.semaphore.extend') end
local lease = milliseconds(ARGV[2])
if not lease then return refuse(badlease) end
local held = redis.pcall('HGET', KEYS[1], 'h:' .. ARGV[1])
if failed(held) then return fail(held) end
if not held then return 0 end
local size, ends = string.match(held, '^%d+:(%d+):(%d+)$')
if tonumber(ends) <= now then return 0 end
local left = redis.pcall('PTTL', KEYS[1])
if failed(left) then return fail(left) end
local set = redis.pcall('HSET', KEYS[1], 'h:' .. ARGV[1], '0:' .. size .. ':' .. digits(now + lease * 1000))
if failed(set) then return fail(set) end
if lease + 1000 > left then redis.call('PEXPIRE', KEYS[1], digits(lease + 1000)) end
return 1
