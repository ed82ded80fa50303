-- key, option…: XTRIM with MINID or LIMIT.
local options, refused, rest = trimming(1, {MAXLEN = true, MINID = true, LIMIT = true})
if not options then return refused end
if not options.by or rest <= #ARGV then return refuse('syntax error') end
local length = redis.pcall('XLEN', KEYS[1])
if failed(length) then return fail(length) end
if options.by == 'MINID' then return trimBefore(options.threshold, options.limit) end
local trimmed = redis.pcall('XTRIM', KEYS[1], 'MAXLEN', '~', options.threshold)
if failed(trimmed) then return fail(trimmed) end
return trimmed
