DELETE FROM alarm WHERE number <= (SELECT max(number) FROM alarm) - ?1
