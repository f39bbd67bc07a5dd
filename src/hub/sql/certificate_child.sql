SELECT number, fingerprint, serial, spki, parent, device, issued_ms, ends_ms, revoked_ms,
  replaced_ms, pem FROM certificate
WHERE device = ?1 AND parent = ?2 AND spki = ?3 AND issued_ms > ?4
ORDER BY number DESC LIMIT 1
