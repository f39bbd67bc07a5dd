-- boot: when a boot of a device began, by the hub's clock or a good one of the device; the newest few of each.
CREATE TABLE boot (device BLOB NOT NULL, id BLOB NOT NULL, began_ms INTEGER NOT NULL,
    PRIMARY KEY (device, id)) WITHOUT ROWID;
-- unclear: records of a boot of which nobody knows yet when it began: their wall_ms is what a bad clock said.
CREATE TABLE unclear (stream INTEGER NOT NULL, lane INTEGER NOT NULL, boot BLOB NOT NULL, first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, noted_ms INTEGER NOT NULL, PRIMARY KEY (stream, lane, boot)) WITHOUT ROWID;
PRAGMA user_version = 7;
