SELECT began_ms FROM boot WHERE device = ?1 AND id = ?2
