UPDATE blob SET expires_ms = ?1 - expires_ms WHERE expires_ms < 0
