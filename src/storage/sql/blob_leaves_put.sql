INSERT INTO blob_leaves (hash, leaves, noted_ms) VALUES (?1, ?2, ?3)
ON CONFLICT (hash) DO UPDATE SET leaves = max(leaves, ?2) WHERE leaves < ?2
