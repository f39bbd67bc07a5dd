-- How many devices are in each state, and of those how many were not heard of since ?1; nobody waits for a program.
SELECT d.state, count(*), sum(max(d.contact_ms, d.created_ms, coalesce(r.came_ms, 0)) < ?1
    AND d.id NOT IN (SELECT device FROM access))
FROM device d LEFT JOIN report r ON r.device = d.id GROUP BY d.state
