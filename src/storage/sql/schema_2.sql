-- Marks of events whose sender may send them again under the same id, in the order in which they
-- came: a ring. What a watched folder holds has its marks in seen, which last as long as the file.
CREATE TABLE delivered (number INTEGER PRIMARY KEY, source TEXT NOT NULL, id_hash INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL);

-- Events that did not fit what their trigger says of them: a ring. event is JSON of `bytes` bytes.
CREATE TABLE quarantine (number INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL,
  workflow TEXT NOT NULL, source TEXT NOT NULL, event_id TEXT NOT NULL, reason TEXT NOT NULL,
  bytes INTEGER NOT NULL, event TEXT NOT NULL);

PRAGMA user_version = 2;
