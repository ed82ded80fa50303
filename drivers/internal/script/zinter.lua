return combined('INTER')
