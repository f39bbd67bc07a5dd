DELETE FROM person WHERE name = ?1
