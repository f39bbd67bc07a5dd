-- ?1 workflow
SELECT body FROM workflow_face WHERE workflow = ?1 ORDER BY came_ms DESC LIMIT 1
