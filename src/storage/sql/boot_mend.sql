UPDATE boot SET id = ?2, quality = ?3 WHERE number = ?1 AND (id <> ?2 OR quality <> ?3)
