SELECT text FROM workflow WHERE number = ?1
