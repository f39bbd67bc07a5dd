UPDATE device SET contact_ms = max(contact_ms, ?2)
WHERE id = (SELECT device FROM certificate WHERE fingerprint = ?1)
