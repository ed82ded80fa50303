-- LPOP or RPOP of key with a count.
local function pop(key, text, left)
  local count = string.match(text or '', '^%d+$') and tonumber(text)
  if not count then return {err = 'ERR value is out of range, must be positive'} end
  local length = redis.pcall('LLEN', key)
  if type(length) == 'table' then return fail(length) end
  if length == 0 then return false end
  if count == 0 then return {} end
  if count > length then count = length end
  local taken, kept
  if left then
    taken = redis.pcall('LRANGE', key, 0, count - 1)
  else
    taken = redis.pcall('LRANGE', key, -count, -1)
  end
  if taken.err then return fail(taken) end
  if left then
    kept = redis.pcall('LTRIM', key, count, -1)
  else
    kept = redis.pcall('LTRIM', key, 0, -count - 1)
  end
  if kept.err then return fail(kept) end
  if left then return taken end
  local popped = {} -- the last comes first
  for i = #taken, 1, -1 do popped[#popped + 1] = taken[i] end
  return popped
end
