return combined('UNION')
