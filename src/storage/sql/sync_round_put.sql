INSERT INTO sync_round (wall_ms, status, details) VALUES (?1, ?2, ?3)
