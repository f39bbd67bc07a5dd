DELETE FROM unclear WHERE stream = ?1 AND lane = ?2 AND boot = ?3
