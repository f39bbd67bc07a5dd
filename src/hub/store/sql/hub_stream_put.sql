INSERT INTO stream (number, id, device, began_ms) VALUES (?1, ?2, ?3, ?4)
