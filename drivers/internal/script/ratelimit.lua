-- number of keys, key…, n, and for each key name, limit, window, burst: takes n units of all
-- limits, or of none. A key is a hash with a field for each limit. That of a sliding window is a
-- list of times and how many were taken then, which are joined within a sixtieth of the window;
-- the later time counts. That of GCRA is a time, and how many units were in use then.
if #ARGV ~= 2 + 4 * #KEYS then return few('xcache.ratelimit') end
local n, limits, allowed = whole(ARGV[2]), {}, 1
for i = 1, #KEYS do
  local at = 4 * i - 1
  local limit, window, burst = whole(ARGV[at + 1]), milliseconds(ARGV[at + 2]), whole(ARGV[at + 3])
  if not window then return refuse('syntax error: a window must be a positive number of milliseconds') end
  if not limit or limit < 1 or not burst or burst < 0 or burst > limit then
    return refuse('syntax error: a limit must be positive, and a burst no more than that')
  end
  local most = burst > 0 and burst or limit
  if not n or n < 0 or n > most then return refuse('syntax error: n must be from 0 to what the limit allows at once') end
  local l = {field = (burst > 0 and 'g:' or 'w:') .. ARGV[at], limit = limit, window = window * 1000, burst = burst, most = most, used = 0, time = now, retry = 0}
  local stored = redis.pcall('HGET', KEYS[i], l.field)
  if failed(stored) then return fail(stored) end
  if burst > 0 then
    local time, used = string.match(stored or '', '^(%d+):(%S+)$')
    if time then
      time, used = tonumber(time), tonumber(used)
      l.time = math.max(now, time)
      l.used = math.max(0, used - math.max(0, now - time) * limit / l.window)
    end
    if n > 0 and l.used + n > burst then l.retry = math.floor((l.used + n - burst) * l.window / limit) + 1 + l.time - now end
  else
    l.taken = {}
    for time, units in string.gmatch(stored or '', '(%d+):(%d+)') do
      time, units = tonumber(time), tonumber(units)
      if time + l.window > now then
        l.taken[#l.taken + 1] = {time, units}
        l.used, l.time = l.used + units, math.max(now, time)
      end
    end
    local free = limit - l.used
    for j = 1, #l.taken do
      if n == 0 or free >= n then break end
      free = free + l.taken[j][2]
      l.retry = l.taken[j][1] + l.window - now
    end
  end
  if l.retry > 0 then allowed = 0 end
  limits[i] = l
end
local reply = {allowed}
for i = 1, #KEYS do
  local l = limits[i]
  if allowed == 1 and n > 0 then
    l.used = l.used + n
    if l.taken then
      local last, width = l.taken[#l.taken], math.ceil(l.window / 60)
      if last and math.floor(last[1] / width) == math.floor(l.time / width) then
        last[1], last[2] = l.time, last[2] + n
      else
        l.taken[#l.taken + 1] = {l.time, n}
      end
    end
  end
  local reset = 0
  if not l.taken then
    if l.used > 0 then reset = math.ceil(l.used * l.window / l.limit) + l.time - now end
  elseif #l.taken > 0 then
    reset = l.taken[#l.taken][1] + l.window - now
  end
  if allowed == 1 and n > 0 then
    local value
    if l.taken then
      local texts = {}
      for j = 1, #l.taken do texts[j] = digits(l.taken[j][1]) .. ':' .. digits(l.taken[j][2]) end
      value = table.concat(texts, ' ')
    else
      value = digits(l.time) .. ':' .. string.format('%.17g', l.used)
    end
    local write = i == 1 and redis.pcall or redis.call
    local set = write('HSET', KEYS[i], l.field, value)
    if failed(set) then return fail(set) end
    local ttl = math.ceil(reset / 1000) + 1000
    if redis.call('PTTL', KEYS[i]) < ttl then redis.call('PEXPIRE', KEYS[i], digits(ttl)) end
  end
  reply[#reply + 1] = math.max(0, math.floor(l.most - l.used)) -- a limit may have been higher before
  reply[#reply + 1] = l.retry
  reply[#reply + 1] = reset
end
return reply
