DELETE FROM delivered
WHERE number IN (SELECT number FROM delivered ORDER BY number LIMIT ?3)
  AND (number <= (SELECT max(number) FROM delivered) - ?1 OR wall_ms < ?2)
RETURNING source, id_hash
