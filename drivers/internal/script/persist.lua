-- key: PERSIST that answers whether the key exists.
local exists = redis.pcall('EXISTS', KEYS[1])
if type(exists) == 'table' then return fail(exists) end
if exists == 0 then return 0 end
local changed = redis.pcall('PERSIST', KEYS[1])
if type(changed) == 'table' then return fail(changed) end
return 1
