UPDATE record SET kind = ?2, workflow = ?3, name = ?4, run = ?5, priority = ?6, boot = ?7,
  boot_ns = ?8, wall_ms = ?9, chain = ?10, body = ?11 WHERE key = ?1
