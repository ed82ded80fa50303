return combined('DIFF')
