SELECT came_ms, body FROM report WHERE device = ?1
