-- ?1 id, ?2 now, ?3 how long it may rest, ?4 how long it may last
UPDATE session SET seen_ms = ?2, ends_ms = min(?2 + ?3, began_ms + ?4) WHERE id = ?1
