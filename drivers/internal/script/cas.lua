-- key, old, new, ttl: stores new where old is.
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then return fail(held) end
if held ~= ARGV[1] then return 0 end
local stored = store(KEYS[1], ARGV[2], ARGV[3])
if type(stored) == 'table' and stored.err then return fail(stored) end
return 1
