SELECT certificate, used_ms FROM token_use WHERE token = ?1 AND spki = ?2
