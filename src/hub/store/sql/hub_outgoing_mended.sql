-- ?1 the last that was looked at, ?2 of records up to
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head, m.number
FROM mended m CROSS JOIN record r ON r.number = m.record CROSS JOIN stream s ON s.number = r.stream
    LEFT JOIN device d ON d.id = s.device
WHERE m.number > ?1 AND r.number <= ?2 AND r.kind = 1 ORDER BY m.number
