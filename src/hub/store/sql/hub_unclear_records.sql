-- Those of lane ?2 of stream ?1 from seq ?3 to ?4, in order, ?5 of them at most.
SELECT r.number, r.seq, r.head, r.arrived_ms
FROM delivery e CROSS JOIN record r ON r.number BETWEEN e.first_record AND max(e.last_record, e.first_record + e.count - 1)
    AND r.stream = e.stream AND r.lane = e.lane
WHERE e.stream = ?1 AND e.lane = ?2 AND e.first_seq <= ?4 AND e.first_seq >= coalesce(
        (SELECT max(first_seq) FROM delivery WHERE stream = ?1 AND lane = ?2 AND first_seq <= ?3), 0)
    AND r.seq BETWEEN ?3 AND ?4
ORDER BY e.first_seq, r.number LIMIT ?5
