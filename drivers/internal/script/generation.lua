-- key, candidate, ttl: the generation of a tag, which is the candidate if there was none. It is
-- kept for the TTL at least.
if #ARGV ~= 2 then return few('xcache.generation') end
local ttl = whole(ARGV[2])
if ARGV[2] ~= 'NONE' and (not ttl or ttl < 1) then return refuse('syntax error: a TTL must be a positive number of milliseconds, or NONE') end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return fail(held) end
if not held then
  local stored = store(KEYS[1], ARGV[1], ARGV[2])
  if failed(stored) then return fail(stored) end
  return ARGV[1]
end
local left, kept = redis.call('PTTL', KEYS[1]), 0
if left >= 0 and not ttl then
  kept = redis.pcall('PERSIST', KEYS[1])
elseif left >= 0 and left < ttl then
  kept = redis.pcall('PEXPIRE', KEYS[1], ARGV[2])
end
if failed(kept) then return fail(kept) end
return held
