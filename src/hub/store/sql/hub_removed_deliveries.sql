-- Deliveries of which nothing is left when the records of ?1 from ?2 to ?3 are gone.
DELETE FROM delivery WHERE number IN (
    SELECT (SELECT d.number FROM delivery d WHERE d.stream = r.stream AND d.lane = r.lane AND d.first_seq <= r.seq
            ORDER BY d.first_seq DESC LIMIT 1)
    FROM record r NOT INDEXED WHERE r.number BETWEEN ?2 AND ?3 AND r.workflow = ?1 AND r.kind <> 3)
AND NOT EXISTS (SELECT 1 FROM record k NOT INDEXED
    WHERE k.number BETWEEN delivery.first_record AND max(delivery.last_record, delivery.first_record + delivery.count - 1)
        AND k.stream = delivery.stream AND k.lane = delivery.lane
        AND NOT (k.number BETWEEN ?2 AND ?3 AND k.workflow IS ?1 AND k.kind <> 3))
