-- ?1 workflow, ?2 before_ms, ?3 before, ?4 since, ?5 name, ?6 lane, ?7 device
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head
FROM record r CROSS JOIN stream s ON s.number = r.stream LEFT JOIN device d ON d.id = s.device
WHERE r.workflow = ?1 AND r.wall_ms <= ?2 AND r.wall_ms >= ?4 AND (r.wall_ms < ?2 OR r.number < ?3)
    AND r.kind = 1 AND (?5 = '' OR r.name = ?5) AND (?6 < 0 OR r.lane = ?6) AND (?7 IS NULL OR s.device = ?7)
ORDER BY r.wall_ms DESC, r.number DESC
