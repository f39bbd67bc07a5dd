INSERT INTO stream (number, id, begun_ms, reason)
SELECT ifnull(max(number), 0) + 1, ?1, ?2, ?3 FROM stream RETURNING number
