SELECT count(*) FROM record WHERE first_id = ?1 AND stream = (SELECT number FROM stream WHERE id = ?2)
