INSERT INTO session (id, person, source, browser, began_ms, seen_ms, ends_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
