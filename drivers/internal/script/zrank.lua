return rank('ZRANK')
