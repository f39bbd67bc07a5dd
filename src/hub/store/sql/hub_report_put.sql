INSERT INTO report (device, came_ms, body, needs, waiting) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (device) DO UPDATE SET came_ms = ?2, body = ?3, needs = ?4, waiting = ?5
