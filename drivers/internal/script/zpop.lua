return refuse('value is out of range, must be positive')
