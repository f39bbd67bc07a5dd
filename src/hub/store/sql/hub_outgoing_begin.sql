INSERT OR IGNORE INTO destination (name, number, mended, began_ms)
VALUES (?1, ?2, (SELECT ifnull(max(number), 0) FROM mended), ?3)
