-- key, group, consumer, milliseconds, start [COUNT n] [JUSTID]: XAUTOCLAIM. Replicas get what
-- was done and not the script.
redis.replicate_commands()
if #ARGV < 4 then return few('xautoclaim') end
local group, consumer, idle, count, option = ARGV[1], ARGV[2], whole(ARGV[3]), 100, {}
if not idle then return refuse('Invalid min-idle-time argument for XAUTOCLAIM') end
local start, _, refused = closed(ARGV[4], '+')
if refused then return refused end
local i = 5
while ARGV[i] do
  local word = string.upper(ARGV[i])
  if word == 'COUNT' and ARGV[i + 1] then
    i = i + 1
    count = whole(ARGV[i])
    if not count or count <= 0 then return refuse('COUNT must be > 0') end
  elseif word == 'JUSTID' then
    option[1] = word
  else
    return refuse('syntax error')
  end
  i = i + 1
end

-- Ten times as many entries are looked at as may be claimed, and the one behind them is told.
local looked, claimed, deleted, wrote = 0, {}, {}, false
while start do
  local page = redis.pcall('XPENDING', KEYS[1], group, start, '+', math.min(count * 10 - looked + 1, 1000))
  if failed(page) then return fail(page) end
  for i = 1, #page do
    local id = page[i][1]
    if looked == count * 10 or #claimed + #deleted == count then return {id, claimed, deleted} end
    looked = looked + 1
    local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
    local answer
    if not entry then
      answer = redis.pcall('XACK', KEYS[1], group, id)
      deleted[#deleted + 1] = id
    elseif page[i][3] >= idle then
      answer = redis.pcall('XCLAIM', KEYS[1], group, consumer, 0, id, unpack(option))
      claimed[#claimed + 1] = option[1] and id or entry
    end
    if failed(answer) then
      if wrote then error(answer.err) end
      return fail(answer)
    end
    wrote = wrote or answer ~= nil
  end
  start = #page > 0 and after(page[#page][1])
end
return {'0-0', claimed, deleted}
