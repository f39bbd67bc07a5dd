INSERT INTO report (device, came_ms, body) VALUES (?1, ?2, ?3)
  ON CONFLICT (device) DO UPDATE SET came_ms = ?2, body = ?3
