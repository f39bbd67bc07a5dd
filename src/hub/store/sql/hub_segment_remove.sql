DELETE FROM segment WHERE workflow = ?1 AND first = ?2
