SELECT kind, subject, text, count, first_ms, last_ms FROM alarm WHERE subject = ?1
ORDER BY last_ms DESC LIMIT ?2
