SELECT source, id_hash FROM seen
