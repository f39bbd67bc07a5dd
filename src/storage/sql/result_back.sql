SELECT r.key, r.wall_ms FROM record r LEFT JOIN workflow w ON w.number = r.workflow
WHERE r.key BETWEEN ?1 AND ?2 AND r.wall_ms <= ?3 AND r.kind & 255 IN (1, 2, 4)
  AND (?4 IS NULL OR w.name = ?4) AND (?5 IS NULL OR r.name = ?5)
ORDER BY r.key DESC LIMIT 1
