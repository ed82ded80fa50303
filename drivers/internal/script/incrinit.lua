-- key, delta, init, ttl: INCRBY that starts from init, with the TTL in one step.
local exists = redis.pcall('EXISTS', KEYS[1])
if type(exists) == 'table' then return fail(exists) end
local created = exists == 0
if created then
  local stored
  if ARGV[3] == 'NONE' or ARGV[3] == '0' then
    stored = redis.pcall('SET', KEYS[1], ARGV[2])
  else
    stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  end
  if stored.err then return fail(stored) end
end
-- The server adds, as Lua's numbers have 53 bits only.
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) == 'table' then
  if created then redis.call('DEL', KEYS[1]) end
  return fail(sum)
end
sum = redis.call('GET', KEYS[1])
if created and ARGV[3] == '0' then redis.call('DEL', KEYS[1]) end
return sum
