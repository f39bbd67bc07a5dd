-- ?1 from hour, ?2 workflow or ''
SELECT hour, sum(results), sum(failures), sum(gone) FROM tally WHERE hour >= ?1 AND (?2 = '' OR workflow = ?2)
GROUP BY hour ORDER BY hour
