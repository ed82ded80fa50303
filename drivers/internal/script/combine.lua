-- The scores of the members at a key, which may be a set or a sorted set, by member.
local function membersOf(key)
  local kind, scores = redis.pcall('TYPE', key), {}
  if failed(kind) then return nil, fail(kind) end
  if kind.ok == 'set' then
    local members = redis.pcall('SMEMBERS', key)
    if failed(members) then return nil, fail(members) end
    for i = 1, #members do scores[members[i]] = '1' end
  elseif kind.ok ~= 'none' then
    local scored = redis.pcall('ZRANGE', key, 0, -1, 'WITHSCORES')
    if failed(scored) then return nil, fail(scored) end
    for i = 1, #scored, 2 do scores[scored[i]] = scored[i + 1] end
  end
  return scores
end
-- Infinities of two signs make 0, as on the server.
local function number(n) return n == n and n or 0 end
local aggregates = {
  SUM = function(a, b) return number(a + b) end,
  MIN = math.min,
  MAX = math.max,
}
-- The members of keys from one on, and their scores, that operation leaves: DIFF, INTER
-- or UNION. weights and aggregate are those of the command, or nil.
local function combine(operation, first, weights, aggregate)
  local result = {}
  for i = first, #KEYS do
    local scores, refused = membersOf(KEYS[i])
    if not scores then return nil, refused end
    if operation ~= 'DIFF' then
      for member, score in pairs(scores) do scores[member] = number(tonumber(score) * (weights and weights[i - first + 1] or 1)) end
    end
    if i == first then
      result = scores
    elseif operation == 'DIFF' then
      for member in pairs(scores) do result[member] = nil end
    else
      if operation == 'INTER' then
        for member in pairs(result) do if not scores[member] then result[member] = nil end end
      end
      for member, score in pairs(scores) do
        local before = result[member]
        if before then
          result[member] = aggregate(before, score)
        elseif operation == 'UNION' then
          result[member] = score
        end
      end
    end
  end
  return result
end
-- Whether the bytes of a come before those of b. The operator goes by the locale.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
-- Members with their scores, one behind the other, in their order.
local function sorted(scores)
  local members, numbers, list = {}, {}, {}
  for member, score in pairs(scores) do
    members[#members + 1], numbers[member] = member, tonumber(score)
  end
  table.sort(members, function(a, b)
    if numbers[a] ~= numbers[b] then return numbers[a] < numbers[b] end
    return before(a, b)
  end)
  for i = 1, #members do
    local score = scores[members[i]]
    list[2 * i - 1], list[2 * i] = members[i], type(score) == 'number' and string.format('%.17g', score) or score
  end
  return list
end
