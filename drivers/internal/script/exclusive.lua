-- XRANGE or XREVRANGE of key, with an ID behind ( among the ends: start, end [COUNT n].
local function range(command, from, to)
  if #ARGV < 2 then return few(string.lower(command)) end
  if string.sub(ARGV[from], 1, 1) == '(' then
    local start = after(string.sub(ARGV[from], 2))
    if start == false then return refuse(invalid) end
    if not start then return refuse('invalid start ID for the interval') end
    ARGV[from] = start
  end
  if string.sub(ARGV[to], 1, 1) == '(' then
    local stop = precedes(string.sub(ARGV[to], 2), longest)
    if stop == false then return refuse(invalid) end
    if not stop then return refuse('invalid end ID for the interval') end
    ARGV[to] = stop
  end
  local found = redis.pcall(command, KEYS[1], unpack(ARGV))
  if failed(found) then return fail(found) end
  return found
end
