SELECT count(*) FROM person WHERE rights & 8
