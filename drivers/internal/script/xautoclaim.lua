-- key, group, consumer, idle time, first ID, COUNT n, JUSTID: XAUTOCLAIM.
redis.replicate_commands() -- XCLAIM goes by the clock
local count, idle, start, justID = 100, whole(ARGV[3]), ARGV[4], false
if #ARGV < 4 then return few('xautoclaim') end
if not idle then return refuse('Invalid min-idle-time argument for XAUTOCLAIM') end
local i = 5
while i <= #ARGV do
  local word = string.upper(ARGV[i])
  if word == 'JUSTID' then
    justID = true
  elseif word == 'COUNT' and i < #ARGV then
    i = i + 1
    count = whole(ARGV[i])
    if not count or count < 1 then return refuse('COUNT must be > 0') end
  else
    return refuse('syntax error')
  end
  i = i + 1
end
if string.sub(start, 1, 1) == '(' then
  start = after(string.sub(start, 2))
  if start == nil then return refuse('invalid start ID for the interval') end
end
if start == false or start ~= '-' and not parse(start, '0') then return refuse(invalid) end
-- The server looks at ten entries for each that it may claim.
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], start, '+', 10 * count + 1)
if failed(pending) then return fail(pending) end
local claimed, cursor = {}, '0-0'
for j, entry in ipairs(pending) do
  if #claimed == count or j > 10 * count then
    cursor = entry[1]
    break
  end
  if entry[3] >= idle then
    local command = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], entry[1]}
    if justID then command[#command + 1] = 'JUSTID' end
    local got = redis.pcall(unpack(command))
    if failed(got) then return fail(got) end
    if #got > 0 or got[1] == false then claimed[#claimed + 1] = got[1] end
  end
end
return {cursor, claimed}
