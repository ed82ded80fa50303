-- What the server answered to a write that it refused. Redis 6.0 puts the place
-- in the script in front, which looks like a script that broke off.
local function fail(refused)
  return {err = (string.gsub(refused.err, '^@user_script: %d+: %-?(.-)%s*$', '%1'))}
end
if #KEYS == 0 then return {err = 'ERR wrong number of arguments for the command'} end
