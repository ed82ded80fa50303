-- key, lease, token, value, ttl: stores the value if there is none and the lease has the token.
if #ARGV ~= 3 then return few('xcache.lease.fill') end
local there = redis.pcall('EXISTS', KEYS[1])
if type(there) == 'table' then return fail(there) end
if there == 1 then return 0 end
local held = redis.pcall('GET', KEYS[2])
if type(held) == 'table' then return fail(held) end
if held ~= ARGV[1] then return -1 end
local stored = store(KEYS[1], ARGV[2], ARGV[3])
if type(stored) == 'table' and stored.err then return fail(stored) end
redis.pcall('UNLINK', KEYS[2])
return 1
