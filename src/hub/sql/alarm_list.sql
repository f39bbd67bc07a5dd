SELECT kind, subject, text, count, first_ms, last_ms FROM alarm ORDER BY last_ms DESC LIMIT ?1
