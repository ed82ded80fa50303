-- Stores members with their scores, one behind the other, in the place of what key held.
local function put(key, scored)
  local deleted = redis.pcall('DEL', key)
  if failed(deleted) then return fail(deleted) end
  for from = 1, #scored, 1000 do
    local command = {'ZADD', key}
    for i = from, math.min(from + 999, #scored), 2 do
      command[#command + 1], command[#command + 2] = scored[i + 1], scored[i]
    end
    redis.call(unpack(command))
  end
  return #scored / 2
end
