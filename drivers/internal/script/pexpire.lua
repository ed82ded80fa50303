-- key, milliseconds, NX, XX, GT or LT…: PEXPIRE.
local after, options = whole(ARGV[1]), {}
if not after then return refuse('syntax error: the time is no number in its range') end
for i = 2, #ARGV do
  local word = string.upper(ARGV[i])
  if word ~= 'NX' and word ~= 'XX' and word ~= 'GT' and word ~= 'LT' then return refuse('Unsupported option ' .. ARGV[i]) end
  options[word] = true
end
if options.NX and (options.XX or options.GT or options.LT) then
  return refuse('NX and XX, GT or LT options at the same time are not compatible')
end
if options.GT and options.LT then return refuse('GT and LT options at the same time are not compatible') end
local left = redis.pcall('PTTL', KEYS[1])
if failed(left) then return fail(left) end
if left == -2 then return 0 end
local forever = left == -1
if options.NX and not forever or options.XX and forever or options.GT and (forever or after <= left) or
    options.LT and not forever and after >= left then
  return 0
end
local set = redis.pcall('PEXPIRE', KEYS[1], ARGV[1])
if failed(set) then return fail(set) end
return set
