-- XRANGE or XREVRANGE of key, with an ID behind ( among the ends: start, end [COUNT n].
local function range(command, from, to)
  if #ARGV < 2 then return few(string.lower(command)) end
  local start, stop, refused = closed(ARGV[from], ARGV[to])
  if refused then return refused end
  ARGV[from], ARGV[to] = start, stop
  local found = redis.pcall(command, KEYS[1], unpack(ARGV))
  if failed(found) then return fail(found) end
  return found
end
