return rank('ZREVRANK')
