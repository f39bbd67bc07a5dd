INSERT INTO boot (number, id, wall_minus_boot_ms, quality) VALUES (?1, ?2, ?3, ?4)
