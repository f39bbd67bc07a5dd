SELECT count(*), min(wall_ms), max(wall_ms) FROM record
WHERE key BETWEEN ?1 AND ?2 AND kind >> 20 & ?3 <> 0
