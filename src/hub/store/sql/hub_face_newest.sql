SELECT digest, came_ms, body FROM workflow_face WHERE workflow = ?1 ORDER BY came_ms DESC, digest LIMIT 1
