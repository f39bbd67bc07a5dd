UPDATE token SET used = used + 1 WHERE id = ?1
