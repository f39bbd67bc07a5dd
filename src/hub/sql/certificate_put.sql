INSERT INTO certificate (fingerprint, serial, spki, parent, device, issued_ms, ends_ms, pem)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING number
