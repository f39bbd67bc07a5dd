SELECT source, id_hash FROM seen UNION ALL SELECT source, id_hash FROM delivered
