SELECT hash, bytes FROM blob WHERE holders <= 0 AND (expires_ms IS NULL OR expires_ms BETWEEN 0 AND ?1) LIMIT ?2
