SELECT r.key, r.last_seq, r.kind, r.workflow, r.name, r.run, r.priority, r.boot_ns, r.wall_ms,
  r.expires_ms, r.keep_ms, r.chain, r.body, r.first_id, b.id, b.quality, w.name, r.boot
FROM record r LEFT JOIN boot b ON b.number = r.boot LEFT JOIN workflow w ON w.number = r.workflow
WHERE r.key BETWEEN ?1 AND ?2 AND r.kind >> 20 & ?3 <> 0 ORDER BY r.key
