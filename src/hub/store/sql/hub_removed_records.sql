DELETE FROM record NOT INDEXED WHERE number BETWEEN ?2 AND ?3 AND workflow = ?1 AND kind <> 3
