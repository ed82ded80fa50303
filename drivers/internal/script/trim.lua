-- The options of XADD or XTRIM from a place of ARGV on: MAXLEN or MINID, = or ~, a
-- threshold, LIMIT and a number, NOMKSTREAM. Behind them, the place of what follows; or what
-- is wrong.
local function trimming(from, words)
  local options, i = {}, from
  while words[string.upper(ARGV[i] or '')] do
    local word = string.upper(ARGV[i])
    if word == 'NOMKSTREAM' then
      options.only = true
    elseif word == 'LIMIT' then
      i = i + 1
      options.limit = whole(ARGV[i])
      if not options.limit or options.limit < 0 then return nil, refuse('The LIMIT argument must be >= 0.') end
    else
      if options.by then return nil, refuse('syntax error, MAXLEN and MINID options at the same time are not compatible') end
      options.by, i = word, i + 1
      if ARGV[i] == '=' or ARGV[i] == '~' then options.about, i = ARGV[i] == '~', i + 1 end
      options.threshold = ARGV[i]
      if not options.threshold then return nil, refuse('syntax error') end
    end
    i = i + 1
  end
  if options.limit and not options.about then return nil, refuse('syntax error, LIMIT cannot be used without the special ~ option') end
  if options.by == 'MINID' and not parse(options.threshold, '0') then return nil, refuse(invalid) end
  return options, nil, i
end
-- Deletes the entries before an ID, up to limit of them if that is not 0 or nil, and returns how many
-- there were.
local function trimBefore(id, limit)
  local last, deleted = precedes(id, '0'), 0
  if limit == 0 then limit = nil end
  while last and (not limit or deleted < limit) do
    local found = redis.call('XRANGE', KEYS[1], '-', last, 'COUNT', math.min(1000, (limit or 1000) - (limit and deleted or 0)))
    if #found == 0 then break end
    local ids = {}
    for i = 1, #found do ids[i] = found[i][1] end
    local count = redis.pcall('XDEL', KEYS[1], unpack(ids))
    if failed(count) then return fail(count) end
    deleted = deleted + count
  end
  return deleted
end
