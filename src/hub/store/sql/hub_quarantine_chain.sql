SELECT chain FROM quarantine WHERE stream = ?1 AND lane = ?2 AND seq <= ?3 AND last_seq = ?3
