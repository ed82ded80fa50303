-- lease, token, duration: the token that is in force from now on. That of another stays as it is.
if #ARGV ~= 2 then return few('xcache.lease.elect') end
local bad = badtoken(ARGV[1]) or badduration(ARGV[2], 1)
if bad then return bad end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return fail(held) end
if held and held ~= ARGV[1] then return held end
local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if failed(set) then return fail(set) end
return ARGV[1]
