SELECT device, max(ends_ms) FROM certificate WHERE revoked_ms IS NULL AND replaced_ms IS NULL GROUP BY device
