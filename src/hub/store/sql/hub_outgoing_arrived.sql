-- The first record from ?1 on, and when it arrived.
SELECT number, arrived_ms FROM record WHERE number >= ?1 ORDER BY number LIMIT 1
