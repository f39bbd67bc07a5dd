SELECT id, verifier, device, stream, created_ms, used_ms FROM access ORDER BY created_ms DESC LIMIT ?1
