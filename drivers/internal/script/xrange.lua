return range('XRANGE', 1, 2)
