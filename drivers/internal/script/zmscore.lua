-- key, member…: ZMSCORE.
if #ARGV == 0 then return few('zmscore') end
local scores = {}
for i = 1, #ARGV do
  scores[i] = redis.pcall('ZSCORE', KEYS[1], ARGV[i])
  if failed(scores[i]) then return fail(scores[i]) end
end
return scores
