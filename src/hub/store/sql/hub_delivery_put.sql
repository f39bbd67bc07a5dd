-- A run, or what it has become.
INSERT INTO delivery (number, stream, lane, first_seq, last_seq, first_record, count, last_record)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (number) DO UPDATE SET last_seq = ?5, count = ?7, last_record = ?8
