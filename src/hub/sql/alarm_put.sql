INSERT INTO alarm (kind, subject, text, count, first_ms, last_ms) VALUES (?1, ?2, ?4, 1, ?3, ?3)
