DELETE FROM token_use WHERE token NOT IN (SELECT id FROM token)
