-- The error of the token and the duration of a lease, or nil.
local function badtoken(token) if token == '' then return refuse('syntax error: the token of a lease is empty') end end
local function badduration(text, least)
  local duration = whole(text)
  if not duration or duration < least or duration >= 100000000000 then return refuse('syntax error: the duration of a lease must be a positive number of milliseconds') end
end
