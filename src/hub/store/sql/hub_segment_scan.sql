SELECT workflow, min(number), max(number), count(*),
    sum(length(head) + length(CAST(workflow AS BLOB)) + ifnull(length(CAST(name AS BLOB)), 0) + ifnull(length(run), 0)
        + length(CAST(body AS BLOB))),
    min(arrived_ms), max(arrived_ms)
FROM record NOT INDEXED WHERE number BETWEEN ?1 AND ?2 AND workflow IS NOT NULL AND kind <> 3 GROUP BY workflow
