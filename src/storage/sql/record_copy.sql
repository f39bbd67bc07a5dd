INSERT INTO record (key, last_seq, kind, workflow, name, run, priority, boot, boot_ns, wall_ms,
  expires_ms, keep_ms, chain, body, first_id)
SELECT ?1, ?2, kind, workflow, name, run, priority, boot, boot_ns, wall_ms, expires_ms, keep_ms, ?3,
  ifnull(?4, body), ?5 FROM record WHERE key = ?6
