SELECT number, id FROM stream ORDER BY number
