local size = redis.pcall('ZCARD', KEYS[1])
if failed(size) then return fail(size) end
return random('WITHSCORES', size, function(at) return unpack(redis.call('ZRANGE', KEYS[1], at - 1, at - 1, 'WITHSCORES')) end)
