SELECT key FROM record WHERE first_id = ?1
