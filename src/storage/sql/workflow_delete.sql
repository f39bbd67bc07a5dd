DELETE FROM workflow WHERE number = ?1
