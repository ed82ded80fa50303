-- The members that ZRANGE with BYSCORE, BYLEX or REV finds at key, with the arguments of
-- ARGV from a place on. With always, the scores are among them in any case, behind each
-- member.
local function range(key, from, always)
  local by, reverse, limit, scores = '', false, {}, false
  local i = from + 2
  while i <= #ARGV do
    local word = string.upper(ARGV[i])
    if word == 'BYSCORE' or word == 'BYLEX' then by = word
    elseif word == 'REV' then reverse = true
    elseif word == 'WITHSCORES' and not always then scores = true
    elseif word == 'LIMIT' and clamped(ARGV[i + 1]) and clamped(ARGV[i + 2]) then
      limit = {'LIMIT', ARGV[i + 1], ARGV[i + 2]}
      i = i + 2
    else return refuse('syntax error') end
    i = i + 1
  end
  if #limit > 0 and by == '' then return refuse('syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX') end
  if scores and by == 'BYLEX' then return refuse('syntax error, WITHSCORES not supported in combination with BYLEX') end
  local command = {(reverse and 'ZREVRANGE' or 'ZRANGE') .. by, key, ARGV[from], ARGV[from + 1]}
  if (scores or always) and by ~= 'BYLEX' then command[#command + 1] = 'WITHSCORES' end
  for j = 1, #limit do command[#command + 1] = limit[j] end
  local found = redis.pcall(unpack(command))
  if failed(found) then return fail(found) end
  if not always or by ~= 'BYLEX' then return found end
  local scored = {}
  for j = 1, #found do
    scored[2 * j - 1], scored[2 * j] = found[j], redis.call('ZSCORE', key, found[j])
  end
  return scored
end
