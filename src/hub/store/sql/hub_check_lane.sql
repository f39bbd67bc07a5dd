SELECT c.stream, c.lane, s.id, c.ranges, c.stored, c.gapped, c.quarantined,
    (SELECT coalesce(sum(q.last_seq - q.seq + 1), 0) FROM quarantine q WHERE q.stream = c.stream AND q.lane = c.lane),
    coalesce((SELECT r.records FROM removed r WHERE r.stream = c.stream AND r.lane = c.lane), 0)
FROM cursor c JOIN stream s ON s.number = c.stream
WHERE (c.stream, c.lane) > (?1, ?2) ORDER BY c.stream, c.lane LIMIT 1
