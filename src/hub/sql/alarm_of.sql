SELECT kind, subject, text, count, first_ms, last_ms, number, seen_ms, seen_by FROM alarm WHERE subject = ?1
ORDER BY last_ms DESC LIMIT ?2
