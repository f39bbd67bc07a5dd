SELECT key, value, expires_ms FROM state WHERE workflow = ?1 AND step = ?2 AND key > ?3
ORDER BY key
