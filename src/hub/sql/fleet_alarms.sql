SELECT subject, count(*) FROM alarm WHERE last_ms > seen_ms GROUP BY subject
