-- key…, number of keys [LIMIT n]: SINTERCARD.
local limit = counted('LIMIT', 2)
if limit == false then return refuse('syntax error') end
if limit and limit < 0 then return refuse("LIMIT can't be negative") end
local members = redis.pcall('SINTER', unpack(KEYS))
if failed(members) then return fail(members) end
if limit and limit > 0 and limit < #members then return limit end
return #members
