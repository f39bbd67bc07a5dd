INSERT INTO hub (number, store, made_ms, connection) VALUES (1, ?1, ?2, 0)
