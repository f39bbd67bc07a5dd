DELETE FROM step WHERE run = ?1
