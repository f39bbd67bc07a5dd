INSERT INTO run (number, id, workflow, event_id, event, state, recoveries)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
