SELECT first_seq, first_record, count FROM delivery
WHERE stream = ?1 AND lane = ?2 AND first_seq <= ?3 ORDER BY first_seq DESC LIMIT 1
