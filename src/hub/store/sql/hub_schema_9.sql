-- report: the newest of each device, JSON as it came; the hub may have a newer one in memory (hub/device_reports). needs:
-- those of hub/fleet that it speaks of. waiting: records, of all lanes.
CREATE TABLE report (device BLOB PRIMARY KEY, came_ms INTEGER NOT NULL, body TEXT NOT NULL, needs INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- workflow_face: what a version of a workflow looks like, by the digest of its text; JSON as it came.
CREATE TABLE workflow_face (workflow TEXT NOT NULL, digest BLOB NOT NULL, came_ms INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (workflow, digest)) WITHOUT ROWID;
CREATE INDEX workflow_face_came ON workflow_face (came_ms);
-- attachment: what somebody asked a device for; states are those of hub/attachment_rows. Its bytes are the file
-- blobs/HASH beside hub.db.
CREATE TABLE attachment (hash BLOB PRIMARY KEY, device BLOB NOT NULL, state INTEGER NOT NULL, type TEXT NOT NULL,
    bytes INTEGER NOT NULL, asked_ms INTEGER NOT NULL, came_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX attachment_came ON attachment (state, came_ms);
PRAGMA user_version = 9;
