-- source, destination, LEFT or RIGHT, LEFT or RIGHT: LMOVE.
local from, to = string.upper(ARGV[1] or ''), string.upper(ARGV[2] or '')
if #ARGV ~= 2 or from ~= 'LEFT' and from ~= 'RIGHT' or to ~= 'LEFT' and to ~= 'RIGHT' then return refuse('syntax error') end
local element = redis.pcall('LINDEX', KEYS[1], from == 'LEFT' and 0 or -1)
if failed(element) then return fail(element) end
if not element then return false end
local length = redis.pcall('LLEN', KEYS[2])
if failed(length) then return fail(length) end
local pop, push = from == 'LEFT' and 'LPOP' or 'RPOP', to == 'LEFT' and 'LPUSH' or 'RPUSH'
-- The first of the two may be refused. An element is rather in both lists than in none. A list of
-- one element keeps its TTL, as the list is never empty.
local pushed = redis.pcall(push, KEYS[2], element)
if failed(pushed) then return fail(pushed) end
redis.call(pop, KEYS[1])
return element
