SELECT sent_seq FROM cursor WHERE destination = ?1 AND stream = ?2 AND lane = ?3
