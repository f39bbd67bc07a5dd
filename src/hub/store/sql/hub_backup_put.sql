INSERT INTO backup (number, made_ms, version) VALUES (1, ?1, ?2)
