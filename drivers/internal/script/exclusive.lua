-- The ends of a range of IDs, either of which may be behind (, as IDs that are in the range;
-- or what is wrong.
local function closed(start, stop)
  if string.sub(start, 1, 1) == '(' then
    start = after(string.sub(start, 2))
    if start == false then return nil, nil, refuse(invalid) end
    if not start then return nil, nil, refuse('invalid start ID for the interval') end
  end
  if string.sub(stop, 1, 1) == '(' then
    stop = precedes(string.sub(stop, 2), longest)
    if stop == false then return nil, nil, refuse(invalid) end
    if not stop then return nil, nil, refuse('invalid end ID for the interval') end
  end
  return start, stop
end
