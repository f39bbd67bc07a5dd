-- All but the newest ?2 of a person.
DELETE FROM session WHERE person = ?1 AND id NOT IN (
    SELECT id FROM session WHERE person = ?1 ORDER BY seen_ms DESC LIMIT ?2)
