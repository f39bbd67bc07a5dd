DELETE FROM seen WHERE source = ?1 AND id_hash BETWEEN ?2 AND ?3 RETURNING id_hash
