SELECT id_hash, record FROM latest WHERE id_hash > ?1 ORDER BY id_hash LIMIT 1
