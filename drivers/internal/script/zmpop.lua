-- key…, number of keys, MIN or MAX [COUNT n]: ZMPOP.
local side, count = string.upper(ARGV[2] or ''), counted('COUNT', 3)
if side ~= 'MIN' and side ~= 'MAX' or count == false then return refuse('syntax error') end
if count and count <= 0 then return refuse('count should be greater than 0') end
for i = 1, #KEYS do
  local taken = redis.pcall('ZPOP' .. side, KEYS[i], count or 1)
  if failed(taken) then return fail(taken) end
  if #taken > 0 then
    local pairs = {}
    for j = 1, #taken, 2 do pairs[#pairs + 1] = {taken[j], taken[j + 1]} end
    return {KEYS[i], pairs}
  end
end
return false
