-- key, option…, score, member, …: ZADD with GT or LT.
local words = {NX = true, XX = true, GT = true, LT = true, CH = true, INCR = true}
local options, first = {}, 1
while words[string.upper(ARGV[first] or '')] do
  options[string.upper(ARGV[first])] = true
  first = first + 1
end
local count = #ARGV - first + 1
if count < 2 or count % 2 == 1 then return refuse('syntax error') end
if options.NX and options.XX then return refuse('XX and NX options at the same time are not compatible') end
if options.NX and (options.GT or options.LT) or options.GT and options.LT then
  return refuse('GT, LT, and/or NX options at the same time are not compatible')
end
if options.INCR and count > 2 then return refuse('INCR option supports a single increment-element pair') end
-- All scores are read before the first is stored, by the server's own rules.
for i = first, #ARGV, 2 do
  if not tonumber(ARGV[i]) then return refuse('value is not a valid float') end
  local parsed = redis.pcall('ZCOUNT', KEYS[1], ARGV[i], ARGV[i])
  if failed(parsed) then
    if string.find(parsed.err, 'min or max') then return refuse('value is not a valid float') end
    return fail(parsed)
  end
end
local changed = 0
for i = first, #ARGV, 2 do
  local held = redis.pcall('ZSCORE', KEYS[1], ARGV[i + 1])
  if failed(held) then return fail(held) end
  local score, before = tonumber(ARGV[i]), held and tonumber(held)
  if held and options.INCR then score = before + score end
  local applies = not options.XX
  if held then applies = score ~= score or options.GT and score > before or options.LT and score < before end
  if applies then
    local command = {'ZADD', KEYS[1]}
    if options.CH then command[#command + 1] = 'CH' end
    if options.INCR then command[#command + 1] = 'INCR' end
    command[#command + 1], command[#command + 2] = ARGV[i], ARGV[i + 1]
    local added = redis.pcall(unpack(command))
    if failed(added) then return fail(added) end
    if options.INCR then return added end
    changed = changed + added
  elseif options.INCR then
    return false
  end
end
return changed
