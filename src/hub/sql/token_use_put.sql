INSERT INTO token_use (token, spki, certificate, used_ms) VALUES (?1, ?2, ?3, ?4)
