INSERT INTO cursor (destination, stream, lane, sent_seq) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (destination, stream, lane) DO UPDATE SET sent_seq = max(sent_seq, excluded.sent_seq)
