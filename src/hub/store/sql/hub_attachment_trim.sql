DELETE FROM attachment WHERE state > 1 AND hash IN
  (SELECT hash FROM attachment WHERE state > 1 ORDER BY asked_ms DESC LIMIT -1 OFFSET ?1)
