-- IDs of streams are two numbers of 64 bits, too long for Lua's own, and so strings here.
local longest = '18446744073709551615'
-- The number after text, and the one before it; nil behind the last and before 0.
local function successor(text)
  if text == longest then return nil end
  local head, digit, nines = string.match(text, '^(%d*)([0-8])(9*)$')
  if not digit then return '1' .. string.rep('0', #text) end
  return head .. (digit + 1) .. string.rep('0', #nines)
end
local function predecessor(text)
  local head, digit, zeros = string.match(text, '^(%d*)([1-9])(0*)$')
  if not digit then return nil end
  local lower = head .. (digit - 1) .. string.rep('9', #zeros)
  return string.match(lower, '^0*(%d+)$')
end
-- The two numbers of an ID, the second of which may be missing; nil if it is none.
local function parse(id, missing)
  local ms, sequence = string.match(id, '^(%d+)%-(%d+)$')
  if not ms then ms, sequence = string.match(id, '^(%d+)$'), missing end
  if ms then return string.match(ms, '^0*(%d+)$'), string.match(sequence, '^0*(%d+)$') end
end
-- The ID after another one, and the one before it; nil if there is none, false if the text is
-- no ID.
local function after(id)
  local ms, sequence = parse(id, '0')
  if not ms then return false end
  local next = successor(sequence)
  if next then return ms .. '-' .. next end
  ms = successor(ms)
  return ms and ms .. '-0'
end
local function precedes(id, missing)
  local ms, sequence = parse(id, missing)
  if not ms then return false end
  local last = predecessor(sequence)
  if last then return ms .. '-' .. last end
  ms = predecessor(ms)
  return ms and ms .. '-' .. longest
end
local invalid = 'Invalid stream ID specified as stream command argument'
