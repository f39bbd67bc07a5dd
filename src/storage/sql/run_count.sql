UPDATE run SET recoveries = recoveries + 1 WHERE number = ?1 RETURNING recoveries
