SELECT 1 FROM destination WHERE name = ?1
