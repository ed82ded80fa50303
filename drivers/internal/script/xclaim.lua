-- key, group, consumer, milliseconds, ID, …, option, …: XCLAIM, which leaves nothing of
-- entries that are deleted. Old servers claim those, and answer nil. Replicas get what was
-- done and not the script.
redis.replicate_commands()
if #ARGV < 4 then return few('xclaim') end
local justID, deleted = false, {}
local i = 4
while ARGV[i] and parse(ARGV[i], '0') do
  local ms, sequence = parse(ARGV[i], '0')
  local found = redis.pcall('XRANGE', KEYS[1], ms .. '-' .. sequence, ms .. '-' .. sequence)
  if failed(found) then return fail(found) end
  if #found == 0 then deleted[ms .. '-' .. sequence] = true end
  i = i + 1
end
while ARGV[i] do
  justID = justID or string.upper(ARGV[i]) == 'JUSTID'
  i = i + 1
end
local claimed = redis.pcall('XCLAIM', KEYS[1], unpack(ARGV))
if failed(claimed) then return fail(claimed) end
for id in pairs(deleted) do redis.call('XACK', KEYS[1], ARGV[1], id) end
local left = {}
for i = 1, #claimed do
  if claimed[i] and not deleted[claimed[i]] then left[#left + 1] = claimed[i] end
end
return left
