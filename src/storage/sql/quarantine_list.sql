SELECT number, wall_ms, workflow, source, event_id, reason, bytes FROM quarantine
WHERE number < ?1 AND (?2 IS NULL OR workflow = ?2) ORDER BY number DESC
