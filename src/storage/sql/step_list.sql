SELECT step, state, attempts, output FROM step WHERE run = ?1 ORDER BY step
