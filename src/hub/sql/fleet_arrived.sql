SELECT number, arrived_ms FROM record WHERE number >= ?1 ORDER BY number LIMIT 1
