-- ?1 workflow, ?2 how many are looked at
SELECT name, body FROM record WHERE workflow = ?1 AND kind = 1 ORDER BY wall_ms DESC LIMIT ?2
