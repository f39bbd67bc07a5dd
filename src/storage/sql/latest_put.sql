INSERT OR REPLACE INTO latest (id_hash, record) VALUES (?1, ?2)
