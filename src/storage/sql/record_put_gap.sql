INSERT INTO record (key, last_seq, kind, priority, boot, boot_ns, wall_ms, chain, body)
VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8)
