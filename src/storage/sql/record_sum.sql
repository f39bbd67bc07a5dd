SELECT sum(96 + ifnull(length(CAST(name AS BLOB)), 0) + ifnull(length(CAST(body AS BLOB)), 0))
FROM record WHERE key > ?1 AND key <= ?2
