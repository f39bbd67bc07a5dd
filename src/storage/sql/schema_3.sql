-- Whether the bytes of a blob may leave this device for its hub: 1: a result that goes there attaches
-- them, 2: a result says `egress: never`, which stands. Without a row they stay.
CREATE TABLE blob_leaves (hash BLOB PRIMARY KEY, leaves INTEGER NOT NULL, noted_ms INTEGER NOT NULL)
  WITHOUT ROWID;
PRAGMA user_version = 3;
