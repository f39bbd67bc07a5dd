SELECT name, rights, verifier, must_change, created_ms, wrong, locked_ms FROM person ORDER BY name LIMIT ?1
