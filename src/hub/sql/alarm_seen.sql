UPDATE alarm SET seen_ms = ?2, seen_by = ?3 WHERE number = ?1
