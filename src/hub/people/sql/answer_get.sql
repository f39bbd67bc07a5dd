SELECT request, code, body FROM answer WHERE who = ?1 AND key = ?2
