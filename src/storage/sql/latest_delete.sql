DELETE FROM latest WHERE id_hash = ?1
