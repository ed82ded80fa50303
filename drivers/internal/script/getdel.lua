-- key: GETDEL.
if #ARGV > 0 then return {err = "ERR wrong number of arguments for 'getdel' command"} end
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then return fail(held) end
if not held then return false end
local deleted = redis.pcall('DEL', KEYS[1])
if type(deleted) == 'table' then return fail(deleted) end
return held
