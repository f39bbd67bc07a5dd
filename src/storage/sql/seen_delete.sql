DELETE FROM seen WHERE source = ?1 AND id_hash = ?2
