INSERT INTO access (id, verifier, device, stream, created_ms, used_ms) VALUES (?1, ?2, ?3, ?4, ?5, 0)
