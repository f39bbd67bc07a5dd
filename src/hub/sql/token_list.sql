SELECT id, verifier, uses, used, created_ms, expires_ms, labels, name, device, removed_ms
FROM token WHERE removed_ms IS NULL ORDER BY created_ms DESC LIMIT ?1
