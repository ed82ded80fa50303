-- key, token, weight, capacity, lease, place: gives a permit, or a place in the queue. The fields
-- are h: and q: with tokens, of those who hold and those who wait; each value is a number in the
-- queue, a weight, and when it ends.
if #ARGV ~= 5 then return few('xcache.semaphore') end
local weight, capacity, lease, place = whole(ARGV[2]), whole(ARGV[3]), milliseconds(ARGV[4]), whole(ARGV[5])
if not lease then return refuse(badlease) end
if not weight or not capacity or weight < 1 or weight > capacity then
  return refuse('syntax error: a weight must be from 1 to the capacity')
end
if place ~= 0 and not milliseconds(ARGV[5]) then return refuse(badlease) end
local fields = redis.pcall('HGETALL', KEYS[1])
if failed(fields) then return fail(fields) end
local used, last, first, head, ticket, mine, soonest, latest, over = 0, 0, nil, nil, nil, false, nil, 0, {}
for i = 1, #fields, 2 do
  local kind, token = string.sub(fields[i], 1, 2), string.sub(fields[i], 3)
  local holds = kind == 'h:'
  local number, size, ends = string.match(fields[i + 1], '^(%d+):(%d+):(%d+)$')
  number, size, ends = tonumber(number), tonumber(size), tonumber(ends)
  if not ends or not holds and kind ~= 'q:' then
    -- a field of another command
  elseif ends <= now then
    over[#over + 1] = fields[i]
  else
    latest = math.max(latest, ends)
    soonest = math.min(soonest or ends, ends)
    if holds then
      used = used + size
      mine = mine or token == ARGV[1]
    elseif token == ARGV[1] then
      ticket = number
    else
      last = math.max(last, number)
      if not first or number < first then first, head = number, token end
    end
  end
end
local turn = not first or (ticket and ticket < first)
local granted = mine or (turn and used + weight <= capacity)
if granted or place > 0 then
  local field, number, ends = 'h:', 0, now + lease * 1000
  if not granted then field, number, ends = 'q:', ticket or last + 1, now + place * 1000 end
  local set = redis.pcall('HSET', KEYS[1], field .. ARGV[1], digits(number) .. ':' .. digits(weight) .. ':' .. digits(ends))
  if failed(set) then return fail(set) end
  latest = math.max(latest, ends)
  redis.call('PEXPIRE', KEYS[1], digits(math.ceil((latest - now) / 1000) + 1000))
  if granted and ticket then redis.call('HDEL', KEYS[1], 'q:' .. ARGV[1]) end
  for i = 1, #over do
    if over[i] ~= field .. ARGV[1] then redis.call('HDEL', KEYS[1], over[i]) end
  end
end
if not granted then return {0, math.ceil(((soonest or now) - now) / 1000)} end
if first and not mine and used + weight < capacity then redis.pcall('PUBLISH', KEYS[1] .. ':' .. head, '') end
return {1, lease}
