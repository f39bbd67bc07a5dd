SELECT number, id, quality FROM (SELECT * FROM boot ORDER BY number DESC LIMIT ?1) ORDER BY number
