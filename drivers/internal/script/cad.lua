-- key, old: deletes the key where old is.
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then return fail(held) end
if held ~= ARGV[1] then return 0 end
local deleted = redis.pcall('DEL', KEYS[1])
if type(deleted) == 'table' then return fail(deleted) end
return deleted
