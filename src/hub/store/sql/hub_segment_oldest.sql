-- The oldest segment of each workflow from ?1 on.
SELECT u.workflow, u.bytes, s.first, s.last, s.records, s.bytes, s.last_ms
FROM workflow_use u CROSS JOIN segment s ON s.workflow = u.workflow
    AND s.first = (SELECT min(first) FROM segment WHERE workflow = u.workflow)
WHERE u.workflow >= ?1 ORDER BY u.workflow LIMIT ?2
