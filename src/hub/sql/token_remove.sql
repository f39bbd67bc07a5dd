UPDATE token SET removed_ms = ?2 WHERE id = ?1 AND removed_ms IS NULL
