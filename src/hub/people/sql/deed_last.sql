SELECT max(number) FROM deed
