-- key, delta: INCRBY that does not create.
local exists = redis.pcall('EXISTS', KEYS[1])
if type(exists) == 'table' then return fail(exists) end
if exists == 0 then return false end
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) == 'table' then return fail(sum) end
-- Lua's numbers have 53 bits: the sum is read back as text.
return redis.call('GET', KEYS[1])
