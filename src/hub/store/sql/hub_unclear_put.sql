-- ?4 first and ?5 last seq of a record
INSERT INTO unclear (stream, lane, boot, first_seq, last_seq, noted_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (stream, lane, boot) DO UPDATE SET first_seq = min(first_seq, ?4), last_seq = max(last_seq, ?5)
