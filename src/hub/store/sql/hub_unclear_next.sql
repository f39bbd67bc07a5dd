SELECT u.stream, u.lane, u.boot, u.first_seq, u.last_seq, u.noted_ms, s.device, b.began_ms
FROM unclear u CROSS JOIN stream s ON s.number = u.stream LEFT JOIN boot b ON b.device = s.device AND b.id = u.boot
WHERE (u.stream, u.lane, u.boot) > (?1, ?2, ?3) ORDER BY u.stream, u.lane, u.boot LIMIT 1
