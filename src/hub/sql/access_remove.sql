DELETE FROM access WHERE id = ?1
