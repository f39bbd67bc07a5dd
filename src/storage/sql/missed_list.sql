SELECT value FROM state WHERE workflow = '' AND step = ?1 ORDER BY key
