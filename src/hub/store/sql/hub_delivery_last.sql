SELECT max(number) FROM delivery
