-- Its newest failures and gaps. ?1 device, ?2 limit
SELECT r.kind, r.lane, r.wall_ms, r.arrived_ms, r.workflow, r.seq, coalesce(r.last_seq, r.seq),
    CASE WHEN json_valid(r.body) THEN r.body ELSE 'null' END
FROM stream s CROSS JOIN record r INDEXED BY record_loss ON r.stream = s.number AND r.kind IN (2, 3)
WHERE s.device = ?1 ORDER BY r.number DESC LIMIT ?2
