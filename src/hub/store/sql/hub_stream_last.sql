SELECT max(number) FROM stream
