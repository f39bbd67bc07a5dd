INSERT INTO lane (stream, lane, floor_seq, floor_chain, counted_seq, counted_bytes, acked_seq,
  anchored_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (stream, lane) DO UPDATE SET floor_seq = ?3, floor_chain = ?4, counted_seq = ?5,
  counted_bytes = ?6, acked_seq = ?7, anchored_seq = ?8
