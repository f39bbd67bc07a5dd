UPDATE record SET wall_ms = ?2 WHERE number = ?1
