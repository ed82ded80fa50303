-- key, token, lease, waits: takes the lock, or tells for how long another token has it. Fence
-- numbers follow the clock, so that they grow also where the last one is forgotten.
if #ARGV ~= 3 then return few('xcache.lock') end
local lease = milliseconds(ARGV[2])
if not lease then return refuse(badlease) end
local held = redis.pcall('HMGET', KEYS[1], 'token', 'until', 'fence')
if held.err then return fail(held) end
local ends, fence = tonumber(held[2] or 0), tonumber(held[3] or 0)
if ends > now and held[1] ~= ARGV[1] then
  if ARGV[3] == '1' then redis.pcall('HSET', KEYS[1], 'waits', '1') end
  return {0, 0, math.ceil((ends - now) / 1000)}
end
if ends <= now then fence = math.max(fence + 1, now) end
local set = redis.pcall('HSET', KEYS[1], 'token', ARGV[1], 'until', digits(now + lease * 1000), 'fence', digits(fence))
if failed(set) then return fail(set) end
redis.call('PEXPIRE', KEYS[1], lease + 3600000)
return {1, fence, lease}
