-- lease, token, duration: the token that is in force from now on.
if #ARGV ~= 2 then return few('xcache.lease') end
local duration = whole(ARGV[2])
if not duration or duration <= 0 or duration >= 100000000000 then return refuse('syntax error: the duration of a lease must be a positive number of milliseconds') end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return fail(held) end
if not held then
  local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', duration)
  if failed(set) then return fail(set) end
  return ARGV[1]
end
if redis.call('PTTL', KEYS[1]) < duration then
  local longer = redis.pcall('PEXPIRE', KEYS[1], duration)
  if failed(longer) then return fail(longer) end
end
return held
