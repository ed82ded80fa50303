return each('zmscore', 'ZSCORE')
