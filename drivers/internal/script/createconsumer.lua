-- key, CREATECONSUMER, group, consumer: XGROUP CREATECONSUMER. A consumer of an old server is
-- made by reading. What is read is pending for the consumer behind the greatest ID but one,
-- which is nothing of a consumer that was not there.
redis.replicate_commands()
if #ARGV ~= 3 then return few('xgroup|createconsumer') end
local group, consumer = ARGV[2], ARGV[3]
local exists = redis.pcall('EXISTS', KEYS[1])
if failed(exists) then return fail(exists) end
if exists == 0 then return refuse('The XGROUP subcommand requires the key to exist.') end
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], group)
if failed(consumers) then return fail(consumers) end
for i = 1, #consumers do
  for j = 1, #consumers[i], 2 do
    if consumers[i][j] == 'name' and consumers[i][j + 1] == consumer then return 0 end
  end
end
local read = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', KEYS[1], longest .. '-' .. predecessor(longest))
if failed(read) then return fail(read) end
return 1
