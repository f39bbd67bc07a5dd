-- As hub_schema_8 counts what was there. ?1, ?2: from and to which record
INSERT INTO tally (workflow, hour, results, failures, gone)
SELECT coalesce(workflow, ''),
    CASE WHEN wall_ms BETWEEN arrived_ms - 34560000000 AND arrived_ms + 3600000 THEN wall_ms ELSE arrived_ms END / 3600000,
    sum(kind = 1), sum(kind = 2), sum(CASE kind WHEN 3 THEN coalesce(last_seq, seq) - seq + 1 ELSE 0 END)
FROM record NOT INDEXED WHERE number BETWEEN ?1 AND ?2 AND kind IN (1, 2, 3) GROUP BY 1, 2
ON CONFLICT (workflow, hour) DO UPDATE SET results = results + excluded.results, failures = failures + excluded.failures,
    gone = gone + excluded.gone
