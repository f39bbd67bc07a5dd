INSERT INTO token (id, verifier, uses, used, created_ms, expires_ms, labels, name, device)
VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8)
