SELECT a.id, a.verifier, a.device, a.stream, a.created_ms, a.used_ms, a.rights, a.expires_ms, coalesce(a.name, d.name)
FROM access a LEFT JOIN device d ON d.id = a.device ORDER BY a.created_ms DESC LIMIT ?1
