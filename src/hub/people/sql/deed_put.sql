INSERT INTO deed (wall_ms, who, source, what, subject, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
