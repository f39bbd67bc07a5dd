-- ?1 number
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head
FROM record r CROSS JOIN stream s ON s.number = r.stream LEFT JOIN device d ON d.id = s.device
WHERE r.number = ?1 AND r.kind = 1
