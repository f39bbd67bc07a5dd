SELECT state FROM device WHERE id = ?1
