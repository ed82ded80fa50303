-- key, token: 1 if the token held a permit.
if #ARGV ~= 1 then return few('xcache.semaphore.release') end
local held = redis.pcall('HGET', KEYS[1], 'h:' .. ARGV[1])
if failed(held) then return fail(held) end
local removed = redis.pcall('HDEL', KEYS[1], 'h:' .. ARGV[1], 'q:' .. ARGV[1])
if failed(removed) then return fail(removed) end
if removed == 0 then return 0 end
local fields, first, head = redis.call('HGETALL', KEYS[1]), nil, nil
for i = 1, #fields, 2 do
  local number, ends = string.match(fields[i + 1], '^(%d+):%d+:(%d+)$')
  number = tonumber(number)
  if number and string.sub(fields[i], 1, 2) == 'q:' and tonumber(ends) > now and (not first or number < first) then
    first, head = number, string.sub(fields[i], 3)
  end
end
if head then redis.pcall('PUBLISH', KEYS[1] .. ':' .. head, '') end
if not held or tonumber(string.match(held, ':(%d+)$')) <= now then return 0 end
return 1
