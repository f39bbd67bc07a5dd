SELECT count(*) FROM access WHERE device = ?1
