SELECT id, name, labels, state, created_ms, contact_ms, id IN (SELECT device FROM access) FROM device
WHERE state <> 3 ORDER BY id
