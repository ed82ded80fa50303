-- key…, number of keys, LEFT or RIGHT [COUNT n]: LMPOP.
local side, count = string.upper(ARGV[2] or ''), counted('COUNT', 3)
if side ~= 'LEFT' and side ~= 'RIGHT' or count == false then return refuse('syntax error') end
if count and count <= 0 then return refuse('count should be greater than 0') end
for i = 1, #KEYS do
  local taken = pop(KEYS[i], string.format('%.0f', count or 1), side == 'LEFT')
  if failed(taken) then return taken end
  if taken then return {KEYS[i], taken} end
end
return false
