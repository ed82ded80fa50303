-- The time of the server in microseconds. Numbers of that size need a format of their own as
-- text.
local time = redis.pcall('TIME')
if time.err then return fail(time) end
local now = time[1] * 1000000 + time[2]
local function digits(n) return string.format('%.0f', n) end
-- A positive number of milliseconds in text, or nil.
local function milliseconds(text)
  local n = whole(text)
  if n and n > 0 and n < 100000000000 then return n end
end
local badlease = 'syntax error: a lease must be a positive number of milliseconds'
