SELECT hash, bytes FROM blob WHERE holders <= 0 ORDER BY abs(expires_ms) LIMIT 1
