INSERT INTO boot (device, id, began_ms) VALUES (?1, ?2, ?3)
ON CONFLICT (device, id) DO UPDATE SET began_ms = ?3 WHERE abs(began_ms - ?3) > ?4
