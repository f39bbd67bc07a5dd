UPDATE unclear SET first_seq = ?4 WHERE stream = ?1 AND lane = ?2 AND boot = ?3
