-- ?1 person, ?2 the one that stays, or nothing
DELETE FROM session WHERE person = ?1 AND id <> ?2
