DELETE FROM boot WHERE number = ?1
