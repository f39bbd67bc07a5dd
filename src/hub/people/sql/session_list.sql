SELECT id, person, source, browser, began_ms, seen_ms, ends_ms FROM session WHERE person = ?1 AND ends_ms > ?2
ORDER BY seen_ms DESC LIMIT ?3
