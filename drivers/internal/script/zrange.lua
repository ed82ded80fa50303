return range(KEYS[1], 1, false)
