-- ?1 from which record. What a newer result replaced, or what nobody wanted any more, is no loss.
SELECT s.device, sum(r.kind = 2), sum(CASE WHEN r.kind = 3 AND json_valid(r.body)
        AND json_extract(r.body, '$.reason') IN ('evicted', 'damaged') THEN r.last_seq - r.seq + 1 ELSE 0 END)
FROM stream s CROSS JOIN record r INDEXED BY record_loss ON r.stream = s.number AND r.kind IN (2, 3) AND r.number >= ?1
GROUP BY s.device
