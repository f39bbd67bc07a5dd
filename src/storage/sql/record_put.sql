INSERT INTO record (key, kind, workflow, name, run, priority, boot, boot_ns, wall_ms, expires_ms,
  keep_ms, chain, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
