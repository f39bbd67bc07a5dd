SELECT kind, subject, text, count, first_ms, last_ms, number, seen_ms, seen_by FROM alarm ORDER BY last_ms DESC LIMIT ?1
