INSERT OR REPLACE INTO state (workflow, step, key, value, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)
