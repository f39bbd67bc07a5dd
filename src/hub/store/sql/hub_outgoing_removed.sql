UPDATE destination SET removed = removed + ?2 WHERE name = ?1
