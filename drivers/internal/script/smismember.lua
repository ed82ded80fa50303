return each('smismember', 'SISMEMBER')
