-- lease, token, next, duration: 1 if the lease has the token, and so gets the next one, or ends.
if #ARGV ~= 3 then return few('xcache.lease.replace') end
local bad = badtoken(ARGV[1]) or badduration(ARGV[3], 0)
if bad then return bad end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return fail(held) end
if held ~= ARGV[1] then return 0 end
local changed
if tonumber(ARGV[3]) == 0 then changed = redis.pcall('UNLINK', KEYS[1]) else changed = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if failed(changed) then return fail(changed) end
return 1
