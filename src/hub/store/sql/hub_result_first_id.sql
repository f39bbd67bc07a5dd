SELECT number FROM record WHERE first_id = ?1 ORDER BY number DESC LIMIT 1
