return range('XREVRANGE', 2, 1)
