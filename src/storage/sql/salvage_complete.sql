INSERT OR IGNORE INTO stream (number, id, begun_ms, reason)
  SELECT DISTINCT key >> 43, randomblob(16), 0, 'salvage, its id is lost' FROM record;
INSERT OR IGNORE INTO boot (number, id, wall_minus_boot_ms, quality)
  SELECT DISTINCT boot, zeroblob(16), 0, 2 FROM record;
INSERT OR IGNORE INTO workflow (number, name, digest, text)
  SELECT DISTINCT workflow, 'lost', zeroblob(16), '' FROM record WHERE workflow IS NOT NULL;
DELETE FROM step WHERE run NOT IN (SELECT number FROM run);
