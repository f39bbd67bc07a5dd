DELETE FROM state WHERE workflow = ?1 AND step = ?2 AND key = ?3
