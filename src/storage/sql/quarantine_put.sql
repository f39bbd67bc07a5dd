INSERT INTO quarantine (wall_ms, workflow, source, event_id, reason, bytes, event)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
