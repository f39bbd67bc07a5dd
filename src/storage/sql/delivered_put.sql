INSERT INTO delivered (source, id_hash, wall_ms) VALUES (?1, ?2, ?3)
