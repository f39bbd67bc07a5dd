SELECT number, fingerprint, serial, spki, parent, device, issued_ms, ends_ms, revoked_ms,
  replaced_ms, pem FROM certificate WHERE device = ?1 ORDER BY number DESC LIMIT ?2
