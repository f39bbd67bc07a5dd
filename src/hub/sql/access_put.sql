INSERT INTO access (id, verifier, device, stream, created_ms, used_ms, rights, expires_ms, name)
VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)
