UPDATE certificate SET replaced_ms = ?2
WHERE replaced_ms IS NULL
  AND device = (SELECT device FROM certificate WHERE fingerprint = ?1)
  AND number < (SELECT number FROM certificate WHERE fingerprint = ?1)
