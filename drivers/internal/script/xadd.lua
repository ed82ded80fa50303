-- key, option…, ID, field, value, …: XADD with NOMKSTREAM, MINID, LIMIT or half an ID. The
-- server chooses the ID, so that its replicas get what was done and not the script.
redis.replicate_commands()
local options, refused, rest = trimming(1, {MAXLEN = true, MINID = true, LIMIT = true, NOMKSTREAM = true})
if not options then return refused end
local id = ARGV[rest]
if not id or #ARGV - rest < 2 or (#ARGV - rest) % 2 == 1 then return few('xadd') end
local exists = redis.pcall('EXISTS', KEYS[1])
if failed(exists) then return fail(exists) end
if options.only and exists == 0 then return false end
local half = string.match(id, '^(%d+)%-%*$')
if half then
  id = half .. (string.match(half, '^0+$') and '-1' or '-0')
  if exists == 1 then
    local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
    if failed(info) then return fail(info) end
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then
        local ms, sequence = parse(info[i + 1], '0')
        if ms == string.match(half, '^0*(%d+)$') then id = half .. '-' .. (successor(sequence) or sequence) end
      end
    end
  end
end
local command = {'XADD', KEYS[1]}
if options.by == 'MAXLEN' then
  command[3], command[4], command[5] = 'MAXLEN', options.about and '~' or '=', options.threshold
end
command[#command + 1] = id
for i = rest + 1, #ARGV do command[#command + 1] = ARGV[i] end
local added = redis.pcall(unpack(command))
if failed(added) then return fail(added) end
if options.by == 'MINID' then
  local deleted = trimBefore(options.threshold, options.limit)
  if failed(deleted) then error(deleted.err) end
end
return added
