-- key, lease, token, value, ttl, old: stores the value if there is none, or one that expires
-- within old, and the lease has the token.
if #ARGV ~= 3 and #ARGV ~= 4 then return few('xcache.lease.fill') end
local bad = badtoken(ARGV[1])
if bad then return bad end
local old = -1
if ARGV[4] then
  old = whole(ARGV[4])
  if not old or old <= 0 or old >= 100000000000 then return refuse('syntax error: the TTL of an old value must be a positive number of milliseconds') end
end
local there = redis.pcall('EXISTS', KEYS[1])
if type(there) == 'table' then return fail(there) end
if there == 1 then
  if old < 0 then return 0 end
  local left = redis.pcall('PTTL', KEYS[1])
  if failed(left) then return fail(left) end
  if left < 0 or left > old then return 0 end
end
local held = redis.pcall('GET', KEYS[2])
if type(held) == 'table' then return fail(held) end
if held ~= ARGV[1] then return -1 end
local stored = store(KEYS[1], ARGV[2], ARGV[3])
if type(stored) == 'table' and stored.err then return fail(stored) end
redis.pcall('UNLINK', KEYS[2])
return 1
