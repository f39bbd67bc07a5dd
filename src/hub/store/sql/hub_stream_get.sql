SELECT number, device FROM stream WHERE id = ?1
