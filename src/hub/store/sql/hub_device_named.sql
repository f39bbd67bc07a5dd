SELECT id FROM device WHERE name = ?1 AND state <> 3
