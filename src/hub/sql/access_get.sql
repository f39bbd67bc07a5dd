SELECT id, verifier, device, stream, created_ms, used_ms FROM access WHERE id = ?1
