SELECT boot FROM record WHERE key = ?1
