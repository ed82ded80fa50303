-- lease, token, duration: the token that is in force from now on. The empty one stays as it is.
if #ARGV ~= 2 then return few('xcache.lease') end
local bad = badtoken(ARGV[1]) or badduration(ARGV[2], 1)
if bad then return bad end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return fail(held) end
if held == '' then return held end
if not held then
  local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  if failed(set) then return fail(set) end
  return ARGV[1]
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  local longer = redis.pcall('PEXPIRE', KEYS[1], ARGV[2])
  if failed(longer) then return fail(longer) end
end
return held
