INSERT INTO workflow_face (workflow, digest, came_ms, body) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (workflow, digest) DO UPDATE SET came_ms = ?3, body = ?4
