SELECT stream, lane, coalesce(last_seq, seq), chain FROM record WHERE number = ?1
