UPDATE alarm SET count = count + 1, last_ms = ?3, text = ?4
WHERE subject = ?2 AND kind = ?1 AND last_ms > ?3 - 86400000
