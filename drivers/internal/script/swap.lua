-- key, new, ttl: stores new and returns what was there.
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then return fail(held) end
local stored = store(KEYS[1], ARGV[1], ARGV[2])
if type(stored) == 'table' and stored.err then return fail(stored) end
return held
