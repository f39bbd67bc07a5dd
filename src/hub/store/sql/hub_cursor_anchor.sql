UPDATE cursor SET anchored = ?3 WHERE stream = ?1 AND lane = ?2
