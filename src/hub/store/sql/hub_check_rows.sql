-- A run of records is whole when its first and its last row are where it says.
SELECT d.first_seq, d.last_seq,
    d.count = CASE WHEN d.count = 1 THEN 1 ELSE d.last_seq - d.first_seq + 1 END
    AND d.first_seq = (SELECT r.seq FROM record r
        WHERE r.number = d.first_record AND r.stream = d.stream AND r.lane = d.lane)
    AND d.last_seq = (SELECT coalesce(r.last_seq, r.seq) FROM record r
        WHERE r.number = max(d.last_record, d.first_record + d.count - 1) AND r.stream = d.stream AND r.lane = d.lane)
FROM delivery d
WHERE d.stream = ?1 AND d.lane = ?2 AND d.first_seq > ?3 ORDER BY d.first_seq LIMIT ?4
