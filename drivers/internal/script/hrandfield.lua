local fields = redis.pcall('HKEYS', KEYS[1])
if failed(fields) then return fail(fields) end
return random('WITHVALUES', #fields, function(at) return fields[at], #ARGV == 2 and redis.call('HGET', KEYS[1], fields[at]) end)
