-- How much there is of each workflow, and what was removed of it when its time or its bytes were over.
-- segment: records of a workflow that arrived one after the other, by their numbers; it goes as a whole.
CREATE TABLE segment (workflow TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    records INTEGER NOT NULL, bytes INTEGER NOT NULL, began_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    PRIMARY KEY (workflow, first)) WITHOUT ROWID;
CREATE TABLE workflow_use (workflow TEXT PRIMARY KEY, records INTEGER NOT NULL, bytes INTEGER NOT NULL,
    removed_records INTEGER NOT NULL DEFAULT 0, removed_bytes INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- removed: of what cursor.stored counts there is no row any more.
CREATE TABLE removed (stream INTEGER NOT NULL, lane INTEGER NOT NULL, records INTEGER NOT NULL,
    PRIMARY KEY (stream, lane)) WITHOUT ROWID;
-- counted: records up to this number are in segments.
ALTER TABLE hub ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 5;
