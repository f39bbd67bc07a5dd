SELECT device, fingerprint, revoked_ms, replaced_ms FROM certificate ORDER BY number DESC
