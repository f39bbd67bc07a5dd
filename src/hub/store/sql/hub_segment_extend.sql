-- ?1 workflow, ?2 last number, ?3 records, ?4 bytes, ?5 last_ms
UPDATE segment SET last = ?2, records = records + ?3, bytes = bytes + ?4, last_ms = max(last_ms, ?5)
WHERE workflow = ?1 AND first = (SELECT max(first) FROM segment WHERE workflow = ?1)
    AND records < 1000 AND bytes < 65536 AND ?2 - first < 4000 AND ?5 - began_ms BETWEEN 0 AND 600000
