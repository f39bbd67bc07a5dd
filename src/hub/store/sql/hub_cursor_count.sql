SELECT count(*) FROM cursor
