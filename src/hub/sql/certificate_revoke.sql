UPDATE certificate SET revoked_ms = ?2 WHERE device = ?1 AND revoked_ms IS NULL
