SELECT number, fingerprint, serial, spki, parent, device, issued_ms, ends_ms, revoked_ms,
  replaced_ms, pem FROM certificate WHERE fingerprint = ?1
