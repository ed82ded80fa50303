-- key…, number of keys [LIMIT n]: ZINTERCARD.
local limit = counted('LIMIT', 2)
if limit == false then return refuse('syntax error') end
if limit and limit < 0 then return refuse("LIMIT can't be negative") end
local found, refused = combine('INTER', 1, nil, aggregates.SUM)
if not found then return refused end
local count = 0
for _ in pairs(found) do count = count + 1 end
if limit and limit > 0 and limit < count then return limit end
return count
