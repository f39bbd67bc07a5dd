INSERT INTO attachment (hash, device, state, type, bytes, asked_ms, came_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
  ON CONFLICT (hash) DO UPDATE SET device = ?2, state = ?3, type = ?4, bytes = ?5, asked_ms = ?6, came_ms = ?7
