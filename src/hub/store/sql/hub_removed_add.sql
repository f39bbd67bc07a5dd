INSERT INTO removed (stream, lane, records)
SELECT stream, lane, count(*) FROM record NOT INDEXED
WHERE number BETWEEN ?2 AND ?3 AND workflow = ?1 AND kind <> 3 GROUP BY stream, lane
ON CONFLICT (stream, lane) DO UPDATE SET records = records + excluded.records
