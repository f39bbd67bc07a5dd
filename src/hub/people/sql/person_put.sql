INSERT INTO person (name, rights, verifier, must_change, created_ms, wrong, locked_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (name) DO UPDATE SET rights = ?2, verifier = ?3, must_change = ?4, wrong = ?6, locked_ms = ?7
