INSERT INTO device (id, name, labels, facts, state, created_ms, contact_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (id) DO UPDATE SET name = ?2, labels = ?3, facts = ?4, state = ?5, contact_ms = ?7
