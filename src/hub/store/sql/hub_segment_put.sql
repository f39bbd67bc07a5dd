INSERT INTO segment (workflow, first, last, records, bytes, began_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
