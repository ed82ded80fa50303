-- What the server says to arguments that a command does not take.
local function refuse(text) return {err = 'ERR ' .. text} end
local function few(command) return refuse("wrong number of arguments for '" .. command .. "' command") end
-- Whether an answer is an error.
local function failed(answer) return type(answer) == 'table' and answer.err ~= nil end
-- A whole number in text, or nil.
local function whole(text)
  local n = string.match(text or '', '^%-?%d+$') and tonumber(text)
  if n and n >= -9007199254740992 and n <= 9007199254740992 then return n end
end
-- A whole number of 64 bits in text, or nil. A count is rarely as large as the numbers that are exact,
-- so a larger number is the largest of these.
local function clamped(text)
  local n = string.match(text or '', '^%-?%d+$') and #text <= 20 and tonumber(text)
  if n then return math.max(-9007199254740992, math.min(9007199254740992, n)) end
end
-- The words COUNT or LIMIT and a number, at the end of ARGV from a place on: the number,
-- or nil if there are none, or false if there is something else.
local function counted(word, from)
  if #ARGV < from then return nil end
  if #ARGV ~= from + 1 or string.upper(ARGV[from]) ~= word then return false end
  return clamped(ARGV[from + 1]) or false
end
