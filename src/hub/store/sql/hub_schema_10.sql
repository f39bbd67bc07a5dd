-- destination: what was sent to each of the hub's own destinations. It has every record up to `number` that it is to have,
-- but for those that are counted: refused and given_up by it, removed by retention before they were sent. mended: the
-- same for the times that turned out later.
CREATE TABLE destination (name TEXT PRIMARY KEY, number INTEGER NOT NULL, mended INTEGER NOT NULL, began_ms INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- mended: records whose wall_ms was changed after they had come, in that order; numbers never come again.
CREATE TABLE mended (number INTEGER PRIMARY KEY AUTOINCREMENT, record INTEGER NOT NULL);
CREATE TRIGGER record_mended AFTER UPDATE OF wall_ms ON record WHEN EXISTS (SELECT 1 FROM destination)
    BEGIN INSERT INTO mended (record) VALUES (new.number); END;
PRAGMA user_version = 10;
