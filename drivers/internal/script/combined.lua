-- The answer to ZDIFF, ZINTER or ZUNION of key…, with ARGV: number of keys, option….
local function combined(operation)
  local weights, aggregate, scores = nil, aggregates.SUM, false
  local i = 2
  while i <= #ARGV do
    local word = string.upper(ARGV[i])
    if word == 'WITHSCORES' then
      scores = true
    elseif word == 'WEIGHTS' and operation ~= 'DIFF' and i + #KEYS <= #ARGV then
      weights = {}
      for j = 1, #KEYS do
        weights[j] = tonumber(ARGV[i + j])
        if not weights[j] or weights[j] ~= weights[j] then return refuse('weight value is not a float') end
      end
      i = i + #KEYS
    elseif word == 'AGGREGATE' and operation ~= 'DIFF' and aggregates[string.upper(ARGV[i + 1] or '')] then
      aggregate = aggregates[string.upper(ARGV[i + 1])]
      i = i + 1
    else
      return refuse('syntax error')
    end
    i = i + 1
  end
  local found, refused = combine(operation, 1, weights, aggregate)
  if not found then return refused end
  local list = sorted(found)
  if scores then return list end
  local members = {}
  for j = 1, #list, 2 do members[#members + 1] = list[j] end
  return members
end
