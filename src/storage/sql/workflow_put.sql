INSERT INTO workflow (number, name, digest, text) VALUES (?1, ?2, ?3, ?4)
