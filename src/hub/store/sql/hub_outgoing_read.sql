-- ?1 from, ?2 to, ?3 workflow; '': all
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head
FROM record r CROSS JOIN stream s ON s.number = r.stream LEFT JOIN device d ON d.id = s.device
WHERE r.number BETWEEN ?1 AND ?2 AND r.kind = 1 AND (?3 = '' OR +r.workflow = ?3)
ORDER BY r.number
