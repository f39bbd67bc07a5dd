SELECT number FROM boot ORDER BY number
