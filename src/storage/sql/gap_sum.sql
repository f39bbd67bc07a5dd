SELECT ifnull(sum(last_seq - max(key & 1099511627775, ?3) + 1), 0)
FROM record INDEXED BY record_gap
WHERE last_seq IS NOT NULL AND key BETWEEN ?1 AND ?2 AND last_seq >= ?3
