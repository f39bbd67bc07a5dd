SELECT count(*), ifnull(max(number), 0) - count(*) FROM quarantine
