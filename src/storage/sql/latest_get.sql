SELECT record FROM latest WHERE id_hash = ?1
