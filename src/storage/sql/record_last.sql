SELECT key, last_seq, chain FROM record WHERE key > ?1 AND key <= ?2 ORDER BY key DESC LIMIT 1
