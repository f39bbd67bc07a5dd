INSERT INTO blob (hash, bytes, type, holders, expires_ms) VALUES (?1, ?2, ?3, max(?4, 0), ?5)
ON CONFLICT (hash) DO UPDATE SET holders = max(holders + ?4, 0),
  expires_ms = CASE WHEN ?5 IS NULL THEN expires_ms
    WHEN expires_ms IS NULL OR (expires_ms < 0) <> (?5 < 0) THEN ?5
    WHEN ?5 < 0 THEN min(expires_ms, ?5)
    ELSE max(expires_ms, ?5) END
