SELECT connection, ranges, anchored, stored, gapped, quarantined FROM cursor WHERE stream = ?1 AND lane = ?2
