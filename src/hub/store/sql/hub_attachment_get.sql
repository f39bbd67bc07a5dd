SELECT hash, device, state, type, bytes, asked_ms, came_ms FROM attachment WHERE hash = ?1
