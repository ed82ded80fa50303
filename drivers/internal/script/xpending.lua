-- key, group, [IDLE milliseconds,] start, end, count [, consumer]: XPENDING with IDLE or an ID
-- behind (.
local start, stop, count, rest, idle = ARGV[2], ARGV[3], ARGV[4], 5, 0
if string.upper(start or '') == 'IDLE' then
  if #ARGV < 6 then return refuse('syntax error') end
  idle, start, stop, count, rest = whole(ARGV[3]), ARGV[4], ARGV[5], ARGV[6], 7
end
count = whole(count)
if not idle or not count or #ARGV > rest then return refuse('syntax error') end
local refused
start, stop, refused = closed(start, stop)
if refused then return refused end
local found, words = {}, {'XPENDING', KEYS[1], ARGV[1], start, stop, 0, ARGV[rest]}
repeat
  words[4], words[6] = start, math.min(math.max(0, count - #found), 1000)
  local page = redis.pcall(unpack(words))
  if failed(page) then return fail(page) end
  for i = 1, #page do
    if page[i][3] >= idle then found[#found + 1] = page[i] end
  end
  start = #page > 0 and after(page[#page][1])
until not start or #found >= count
return found
