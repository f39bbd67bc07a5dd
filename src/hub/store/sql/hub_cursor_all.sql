SELECT s.id, c.lane, c.ranges, c.stream FROM cursor c JOIN stream s ON s.number = c.stream
