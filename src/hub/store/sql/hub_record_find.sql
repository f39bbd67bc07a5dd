-- The record or gap that ends with seq ?3 of lane ?2 of stream ?1. Others may lie between those of a run.
SELECT r.number, r.chain FROM (
        SELECT first_record + min(?3 - first_seq, count - 1) AS least,
            max(last_record, first_record + count - 1) - max(last_seq - ?3, 0) AS most
        FROM delivery WHERE stream = ?1 AND lane = ?2 AND first_seq <= ?3 ORDER BY first_seq DESC LIMIT 1) d
    CROSS JOIN record r ON r.number BETWEEN d.least AND max(d.least, d.most)
WHERE r.stream = ?1 AND r.lane = ?2 AND coalesce(r.last_seq, r.seq) = ?3
