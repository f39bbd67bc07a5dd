-- Each workflow that there are records of, by one look into the index for each.
WITH RECURSIVE found (name) AS (
    SELECT min(workflow) FROM record
    UNION ALL
    SELECT (SELECT min(r.workflow) FROM record r WHERE r.workflow > found.name) FROM found WHERE found.name IS NOT NULL
    LIMIT ?1)
SELECT name FROM found WHERE name IS NOT NULL
