-- ?1 the number of a stream
SELECT s.id, s.device, d.name, d.labels FROM stream s LEFT JOIN device d ON d.id = s.device WHERE s.number = ?1
