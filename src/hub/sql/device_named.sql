SELECT id, name, labels, facts, state, created_ms, contact_ms FROM device
WHERE name = ?1 AND state <> 3
