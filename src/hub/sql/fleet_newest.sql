SELECT max(number) FROM record
