-- person: who may log in. rights: those of hub/people/rights. verifier: of the password; locked_ms: not before
-- that moment, after too many wrong ones.
CREATE TABLE person (name TEXT PRIMARY KEY, rights INTEGER NOT NULL, verifier TEXT NOT NULL, must_change INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, wrong INTEGER NOT NULL DEFAULT 0, locked_ms INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- session: id is a hash of what the browser has.
CREATE TABLE session (id BLOB PRIMARY KEY, person TEXT NOT NULL, source TEXT NOT NULL, browser TEXT NOT NULL,
    began_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL) WITHOUT ROWID;
-- deed: who did what. answer: what a program was told under its Idempotency-Key, so that asking again does nothing twice.
CREATE TABLE deed (number INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL,
    what TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL);
CREATE TABLE answer (who TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, code INTEGER NOT NULL, body TEXT NOT NULL,
    made_ms INTEGER NOT NULL, PRIMARY KEY (who, key)) WITHOUT ROWID;
CREATE INDEX answer_made ON answer (made_ms);
-- What a program may do with its token, and until when; 0: for ever. name: of one that brings no results and is no device.
ALTER TABLE access ADD COLUMN rights INTEGER NOT NULL DEFAULT 1;
ALTER TABLE access ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access ADD COLUMN name TEXT;
-- seen_ms: until when a person has seen what an alarm says.
ALTER TABLE alarm ADD COLUMN seen_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alarm ADD COLUMN seen_by TEXT NOT NULL DEFAULT '';
-- Failures and gaps of a stream, the newest first.
CREATE INDEX record_loss ON record (stream, kind, number) WHERE kind IN (2, 3);
-- tally: how many of each kind a workflow made in an hour (since 1970), of records up to hub.counted. Of no workflow: ''.
CREATE TABLE tally (workflow TEXT NOT NULL, hour INTEGER NOT NULL, results INTEGER NOT NULL, failures INTEGER NOT NULL,
    gone INTEGER NOT NULL, PRIMARY KEY (workflow, hour)) WITHOUT ROWID;
INSERT INTO tally (workflow, hour, results, failures, gone)
SELECT coalesce(workflow, ''),
    CASE WHEN wall_ms BETWEEN arrived_ms - 34560000000 AND arrived_ms + 3600000 THEN wall_ms ELSE arrived_ms END / 3600000,
    sum(kind = 1), sum(kind = 2), sum(CASE kind WHEN 3 THEN coalesce(last_seq, seq) - seq + 1 ELSE 0 END)
FROM record NOT INDEXED WHERE number <= (SELECT counted FROM hub) AND kind IN (1, 2, 3) GROUP BY 1, 2;
PRAGMA user_version = 8;
