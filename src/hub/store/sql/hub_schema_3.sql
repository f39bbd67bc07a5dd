-- access: programs that bring results without a certificate, each as a device of its own. stream: what
-- they bring is written to it.
CREATE TABLE access (id BLOB PRIMARY KEY, verifier BLOB NOT NULL, device BLOB NOT NULL,
  stream BLOB NOT NULL, created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 3;
