UPDATE run SET state = ?2 WHERE number = ?1
