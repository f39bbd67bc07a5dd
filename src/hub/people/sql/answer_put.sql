INSERT INTO answer (who, key, request, code, body, made_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
