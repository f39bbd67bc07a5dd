SELECT hash, device, state, type, bytes, asked_ms, came_ms FROM attachment WHERE state = ?1 ORDER BY came_ms, hash LIMIT ?2
