-- The newest deliveries of each lane hold the newest results: as many as are wanted are enough.
-- ?1 device, ?2 before, ?3 limit, ?4 since
WITH lanes (lane) AS (VALUES (0), (1), (2), (3), (4), (5), (6))
SELECT r.number, r.lane, r.seq, r.priority, r.wall_ms, r.arrived_ms, r.workflow, r.name, r.run, r.body, r.first_id, s.id,
    s.device, d.name, d.labels, r.head
FROM stream s CROSS JOIN lanes CROSS JOIN delivery e ON e.number IN (
        SELECT number FROM delivery WHERE stream = s.number AND lane = lanes.lane AND first_record < ?2
        ORDER BY first_seq DESC LIMIT ?3)
    CROSS JOIN record r ON r.number BETWEEN e.first_record AND max(e.last_record, e.first_record + e.count - 1)
        AND r.stream = e.stream AND r.lane = e.lane
    LEFT JOIN device d ON d.id = s.device
WHERE s.device = ?1 AND r.number < ?2 AND r.kind = 1 AND r.wall_ms >= ?4
ORDER BY r.number DESC
