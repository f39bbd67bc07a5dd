-- ?1 id, ?2 now
SELECT s.person, s.source, s.seen_ms, p.rights, p.must_change FROM session s JOIN person p ON p.name = s.person
WHERE s.id = ?1 AND s.ends_ms > ?2
