UPDATE latest SET record = record + ?3 WHERE record BETWEEN ?1 AND ?2
