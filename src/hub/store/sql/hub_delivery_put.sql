INSERT INTO delivery (number, stream, lane, first_seq, last_seq, first_record, count)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
