-- The first argument says how many keys there are.
if whole(ARGV[1]) ~= #KEYS then return refuse('syntax error: the number of keys is wrong') end
