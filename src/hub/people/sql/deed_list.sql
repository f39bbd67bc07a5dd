-- ?1 before, ?2 who, ?3 words in what or subject or details, ?4 since, ?5 limit
SELECT number, wall_ms, who, source, what, subject, details FROM deed
WHERE number < ?1 AND (?2 = '' OR who = ?2) AND wall_ms >= ?4
    AND (?3 = '' OR instr(what || ' ' || subject || ' ' || details, ?3))
ORDER BY number DESC LIMIT ?5
