UPDATE workflow SET name = ?2 WHERE number = ?1 AND name <> ?2
