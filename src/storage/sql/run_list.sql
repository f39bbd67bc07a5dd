SELECT number, id FROM run ORDER BY number
