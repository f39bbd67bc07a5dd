-- ?1 before, ?2 after, ?3 since, ?4 name, ?5 lane, ?6 device, ?7 until
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head
FROM record r CROSS JOIN stream s ON s.number = r.stream LEFT JOIN device d ON d.id = s.device
WHERE r.number < ?1 AND r.number > ?2 AND r.kind = 1 AND r.wall_ms BETWEEN ?3 AND ?7 AND (?4 = '' OR r.name = ?4)
    AND (?5 < 0 OR r.lane = ?5) AND (?6 IS NULL OR s.device = ?6)
ORDER BY r.number DESC
