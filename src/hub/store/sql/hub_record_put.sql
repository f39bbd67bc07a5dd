INSERT INTO record (number, stream, lane, seq, last_seq, kind, priority, wall_ms, arrived_ms, workflow,
                    name, chain, first_id, head, run, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
