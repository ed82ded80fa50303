return pop(KEYS[1], ARGV[1], false)
