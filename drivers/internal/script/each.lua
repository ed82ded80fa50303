-- The answers of a command to each of the arguments, for one that takes many.
local function each(name, command)
  if #ARGV == 0 then return few(name) end
  local answers = {}
  for i = 1, #ARGV do
    answers[i] = redis.pcall(command, KEYS[1], ARGV[i])
    if failed(answers[i]) then return fail(answers[i]) end
  end
  return answers
end
