DELETE FROM workflow_face WHERE (workflow, digest) IN
  (SELECT workflow, digest FROM workflow_face ORDER BY came_ms DESC LIMIT -1 OFFSET ?1)
