-- ZRANK or ZREVRANK of key, member with WITHSCORE.
local function rank(command)
  local place = redis.pcall(command, KEYS[1], ARGV[1])
  if type(place) == 'table' then return fail(place) end
  if not place then return false end
  local score = redis.pcall('ZSCORE', KEYS[1], ARGV[1])
  if type(score) == 'table' then return fail(score) end
  return {place, score}
end
