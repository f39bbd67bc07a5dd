UPDATE record SET chain = ?2 WHERE key = ?1
