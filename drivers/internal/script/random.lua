-- The places of count elements out of size that are picked at random: different ones, or,
-- if count is negative, any.
local function pick(size, count)
  local now = redis.call('TIME')
  math.randomseed((tonumber(now[1]) % 2000) * 1000000 + tonumber(now[2]))
  local picked, moved = {}, {}
  if count < 0 then
    for i = 1, -count do picked[i] = math.random(size) end
    return picked
  end
  for i = 1, math.min(count, size) do
    local at = math.random(i, size)
    picked[i] = moved[at] or at
    moved[at] = moved[i] or i
  end
  return picked
end
-- HRANDFIELD or ZRANDMEMBER: key [count [option]]. size is how many elements there are,
-- and of returns one of them, and what the option adds.
local function random(option, size, of)
  if #ARGV > 2 or #ARGV == 2 and string.upper(ARGV[2]) ~= option then return refuse('syntax error') end
  local count = 1
  if #ARGV > 0 then
    count = clamped(ARGV[1])
    if not count or count < -1000000 then return refuse('syntax error: the count is no number in its range') end
  end
  if size == 0 then return #ARGV > 0 and {} end
  local found = {}
  for _, at in ipairs(pick(size, count)) do
    local element, more = of(at)
    found[#found + 1] = element
    if #ARGV == 2 then found[#found + 1] = more end
  end
  if #ARGV == 0 then return found[1] end
  return found
end
