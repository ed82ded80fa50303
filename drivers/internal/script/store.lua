local function store(key, value, ttl)
  if ttl == '0' then return redis.pcall('DEL', key) end
  if ttl == 'NONE' then return redis.pcall('SET', key, value) end
  if ttl == 'KEEP' then return redis.pcall('SET', key, value, 'KEEPTTL') end
  return redis.pcall('SET', key, value, 'PX', ttl)
end
