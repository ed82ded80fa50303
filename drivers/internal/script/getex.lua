-- key, EX, PX, EXAT or PXAT and a number, or PERSIST: GETEX.
local commands = {EX = 'EXPIRE', PX = 'PEXPIRE', EXAT = 'EXPIREAT', PXAT = 'PEXPIREAT'}
local option = string.upper(ARGV[1] or '')
if not (#ARGV == 0 or #ARGV == 1 and option == 'PERSIST' or #ARGV == 2 and commands[option]) then return refuse('syntax error') end
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then return fail(held) end
if not held or #ARGV == 0 then return held end
local set
if option == 'PERSIST' then
  set = redis.pcall('PERSIST', KEYS[1])
else
  local number = whole(ARGV[2])
  if not number then return refuse('value is not an integer or out of range') end
  if number <= 0 then return refuse("invalid expire time in 'getex' command") end
  set = redis.pcall(commands[option], KEYS[1], ARGV[2])
end
if failed(set) then return fail(set) end
return held
