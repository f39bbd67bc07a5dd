SELECT id, name, labels, state, created_ms, contact_ms FROM device WHERE state <> 3 ORDER BY id
