-- ?1 after, ?2 since, ?3 name, ?4 lane, ?5 device, ?6 workflow, ?7 until
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head
FROM record r CROSS JOIN stream s ON s.number = r.stream LEFT JOIN device d ON d.id = s.device
WHERE r.number > ?1 AND r.kind = 1 AND r.wall_ms BETWEEN ?2 AND ?7 AND (?3 = '' OR r.name = ?3)
    AND (?4 < 0 OR r.lane = ?4) AND (?5 IS NULL OR s.device = ?5) AND (?6 = '' OR +r.workflow = ?6)
ORDER BY r.number
