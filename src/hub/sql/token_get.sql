SELECT id, verifier, uses, used, created_ms, expires_ms, labels, name, device, removed_ms
FROM token WHERE id = ?1
