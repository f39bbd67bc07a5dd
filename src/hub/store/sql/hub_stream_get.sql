SELECT number, device, ended_ms FROM stream WHERE id = ?1
