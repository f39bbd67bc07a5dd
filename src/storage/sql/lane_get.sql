SELECT floor_seq, floor_chain, counted_seq, counted_bytes, acked_seq, anchored_seq
FROM lane WHERE stream = ?1 AND lane = ?2
