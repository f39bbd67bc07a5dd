INSERT INTO quarantine (stream, lane, seq, last_seq, arrived_ms, reason, chain, first_id, bytes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
