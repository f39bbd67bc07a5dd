SELECT number, id FROM stream WHERE id >= ?1 AND id < ?2
