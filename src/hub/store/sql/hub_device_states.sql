-- How many devices are in each state, and of those how many were not heard of since ?1.
SELECT state, count(*), sum(max(contact_ms, created_ms) < ?1) FROM device GROUP BY state
