INSERT INTO step (run, step, state, attempts, output) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (run, step) DO UPDATE SET state = ?3, attempts = ?4, output = ?5
