SELECT number, wall_ms, workflow, source, event_id, reason, bytes, event FROM quarantine
WHERE number = ?1
