CREATE TABLE stream (number INTEGER PRIMARY KEY, id BLOB NOT NULL, begun_ms INTEGER NOT NULL,
  reason TEXT NOT NULL);
CREATE TABLE boot (number INTEGER PRIMARY KEY, id BLOB NOT NULL, wall_minus_boot_ms INTEGER NOT NULL,
  quality INTEGER NOT NULL);
CREATE TABLE workflow (number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL,
  text TEXT NOT NULL);

-- key is stream << 43 | lane << 40 | seq; kind is kind | version << 8, with 1 << 16 where body is
-- sealed and 1 << 17 where it is the whole tail of a version that this program does not know, and
-- from 1 << 20 on a bit for each destination that it is for (storage/cursors).
-- last_seq stands in gaps only, first_id where a record was renumbered.
CREATE TABLE record (key INTEGER PRIMARY KEY, last_seq INTEGER, kind INTEGER NOT NULL,
  workflow INTEGER, name TEXT, run BLOB, priority INTEGER NOT NULL, boot INTEGER NOT NULL,
  boot_ns INTEGER NOT NULL, wall_ms INTEGER NOT NULL, expires_ms INTEGER, keep_ms INTEGER,
  chain BLOB NOT NULL, body, first_id BLOB);
CREATE INDEX record_gap ON record (key, last_seq) WHERE last_seq IS NOT NULL;
CREATE INDEX record_first_id ON record (first_id) WHERE first_id IS NOT NULL;

CREATE TABLE lane (stream INTEGER NOT NULL, lane INTEGER NOT NULL, floor_seq INTEGER NOT NULL,
  floor_chain BLOB NOT NULL, counted_seq INTEGER NOT NULL, counted_bytes INTEGER NOT NULL,
  acked_seq INTEGER NOT NULL, anchored_seq INTEGER NOT NULL,
  PRIMARY KEY (stream, lane)) WITHOUT ROWID;

-- Where the newest record of a result's `key:` stands: 128 bits of workflow, result and key.
CREATE TABLE latest (id_hash BLOB PRIMARY KEY, record INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE run (number INTEGER PRIMARY KEY, id BLOB NOT NULL, workflow INTEGER NOT NULL,
  event_id TEXT NOT NULL, event TEXT NOT NULL, state INTEGER NOT NULL,
  recoveries INTEGER NOT NULL);
CREATE TABLE step (run INTEGER NOT NULL, step TEXT NOT NULL, state INTEGER NOT NULL,
  attempts INTEGER NOT NULL, output TEXT, PRIMARY KEY (run, step)) WITHOUT ROWID;
CREATE TABLE seen (source TEXT NOT NULL, id_hash INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
  PRIMARY KEY (source, id_hash)) WITHOUT ROWID;
CREATE TABLE state (workflow TEXT NOT NULL, step TEXT NOT NULL, key TEXT NOT NULL,
  value TEXT NOT NULL, expires_ms INTEGER, PRIMARY KEY (workflow, step, key)) WITHOUT ROWID;
CREATE TABLE timer (number INTEGER PRIMARY KEY, due_boot_ns INTEGER, due_wall_ms INTEGER,
  workflow TEXT NOT NULL, what TEXT NOT NULL);
CREATE TABLE cursor (destination TEXT NOT NULL, stream INTEGER NOT NULL, lane INTEGER NOT NULL,
  sent_seq INTEGER NOT NULL, PRIMARY KEY (destination, stream, lane)) WITHOUT ROWID;
CREATE TABLE blob (hash BLOB PRIMARY KEY, bytes INTEGER NOT NULL, type TEXT NOT NULL,
  holders INTEGER NOT NULL, expires_ms INTEGER) WITHOUT ROWID;
CREATE TABLE sync_round (number INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL,
  status TEXT NOT NULL, details TEXT);

CREATE VIEW workflow_results (id, workflow_id, result, created_at, synced, sync_priority) AS
SELECT
  CASE WHEN r.first_id IS NULL THEN
    lower(substr(hex(s.id), 1, 8) || '-' || substr(hex(s.id), 9, 4) || '-8'
      || substr(hex(s.id), 13, 3)) || '-800' || (r.key >> 40 & 7) || '-'
      || printf('%012x', r.key & 1099511627775)
  ELSE
    lower(substr(hex(r.first_id), 1, 8) || '-' || substr(hex(r.first_id), 9, 4) || '-'
      || substr(hex(r.first_id), 13, 4) || '-' || substr(hex(r.first_id), 17, 4) || '-'
      || substr(hex(r.first_id), 21, 12))
  END,
  w.name,
  CASE WHEN r.kind & 65536 THEN NULL ELSE r.body END,
  strftime('%Y-%m-%dT%H:%M:%f', r.wall_ms / 1000.0, 'unixepoch'),
  ifnull(r.key & 1099511627775 <= l.acked_seq, 0),
  r.priority
FROM record r
JOIN stream s ON s.number = r.key >> 43
LEFT JOIN workflow w ON w.number = r.workflow
LEFT JOIN lane l ON l.stream = r.key >> 43 AND l.lane = (r.key >> 40 & 7)
WHERE r.kind & 255 = 1;

CREATE VIEW sync_log (id, timestamp, status, details) AS
SELECT printf('%08x', number), strftime('%Y-%m-%dT%H:%M:%f', wall_ms / 1000.0, 'unixepoch'),
  status, details
FROM sync_round;

PRAGMA application_id = 1700946481;
PRAGMA user_version = 1;
