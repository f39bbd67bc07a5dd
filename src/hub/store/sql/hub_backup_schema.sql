-- What a backup has beside the hub's own tables: what it is, and files of the data folder.
CREATE TABLE backup (number INTEGER PRIMARY KEY CHECK (number = 1), made_ms INTEGER NOT NULL,
    version TEXT NOT NULL);
CREATE TABLE backup_file (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
