-- key, token, lease, waits: the value that is kept, or else the lock of the key as lock.lua has
-- it, without a fence.
if #ARGV ~= 3 then return few('xcache.once') end
local lease = milliseconds(ARGV[2])
if not lease then return refuse(badlease) end
local held = redis.pcall('HMGET', KEYS[1], 'token', 'until', 'value')
if held.err then return fail(held) end
if held[3] then return {2, 0, held[3]} end
local ends = tonumber(held[2] or 0)
if ends > now and held[1] ~= ARGV[1] then
  if ARGV[3] == '1' then redis.pcall('HSET', KEYS[1], 'waits', '1') end
  return {0, math.ceil((ends - now) / 1000), false}
end
local set = redis.pcall('HSET', KEYS[1], 'token', ARGV[1], 'until', digits(now + lease * 1000))
if failed(set) then return fail(set) end
redis.call('PEXPIRE', KEYS[1], lease + 3600000)
return {1, lease, false}
