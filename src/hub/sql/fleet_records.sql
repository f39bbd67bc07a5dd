SELECT s.device, sum(c.stored), sum(c.gapped), sum(c.quarantined)
FROM cursor c CROSS JOIN stream s ON s.number = c.stream GROUP BY s.device
