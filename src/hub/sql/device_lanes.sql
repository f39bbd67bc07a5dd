SELECT c.lane, sum(c.stored), sum(c.gapped), sum(c.quarantined) FROM stream s CROSS JOIN cursor c ON c.stream = s.number
WHERE s.device = ?1 GROUP BY c.lane ORDER BY c.lane
