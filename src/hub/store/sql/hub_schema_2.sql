-- Devices and their certificates, tokens and their uses, alarms. Times are of the hub's wall clock;
-- states of a device are those of hub/device_rows.
CREATE TABLE device (id BLOB PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL,
  facts TEXT NOT NULL, state INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  contact_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX device_name ON device (name) WHERE state <> 3;

-- `parent` is the number of the certificate that this one renews; NULL: a lineage begins.
CREATE TABLE certificate (number INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE,
  serial BLOB NOT NULL, spki BLOB NOT NULL, parent INTEGER, device BLOB NOT NULL,
  issued_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL, revoked_ms INTEGER, replaced_ms INTEGER,
  pem TEXT NOT NULL);
CREATE INDEX certificate_device ON certificate (device, number);
CREATE INDEX certificate_spki ON certificate (spki);

CREATE TABLE token (id BLOB PRIMARY KEY, verifier BLOB NOT NULL, uses INTEGER NOT NULL,
  used INTEGER NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  labels TEXT NOT NULL, name TEXT NOT NULL, device BLOB, removed_ms INTEGER) WITHOUT ROWID;
CREATE TABLE token_use (token BLOB NOT NULL, spki BLOB NOT NULL, certificate INTEGER NOT NULL,
  used_ms INTEGER NOT NULL, PRIMARY KEY (token, spki)) WITHOUT ROWID;

CREATE TABLE alarm (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL,
  text TEXT NOT NULL, count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL);
CREATE INDEX alarm_subject ON alarm (subject, kind);
PRAGMA user_version = 2;
