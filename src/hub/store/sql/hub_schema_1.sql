-- stream: who writes it.
CREATE TABLE stream (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    device BLOB NOT NULL,
    began_ms INTEGER NOT NULL
);
CREATE INDEX stream_device ON stream (device);
-- record: in the order of arrival. Its bytes are head, workflow, name, run and body, as wire/record has
-- them; of a kind that is not known: head and body. A gap stands for seq up to last_seq.
CREATE TABLE record (
    number INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    last_seq INTEGER,
    kind INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    arrived_ms INTEGER NOT NULL,
    workflow TEXT,
    name TEXT,
    chain BLOB NOT NULL,
    first_id BLOB,
    head BLOB NOT NULL,
    run BLOB,
    body BLOB NOT NULL
);
CREATE INDEX record_workflow ON record (workflow, wall_ms);
CREATE INDEX record_first_id ON record (first_id) WHERE first_id IS NOT NULL;
-- delivery: a run of records that came together; finds those of a stream.
CREATE TABLE delivery (
    number INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_record INTEGER NOT NULL,
    count INTEGER NOT NULL
);
CREATE INDEX delivery_stream ON delivery (stream, lane, first_seq);
-- quarantine: what could not be read, counted as held all the same.
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    arrived_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    chain BLOB NOT NULL,
    first_id BLOB,
    bytes BLOB NOT NULL
);
CREATE INDEX quarantine_stream ON quarantine (stream, lane, seq);
-- cursor: what of a lane is held: ranges are from, to, the chain value before and at the end of each.
CREATE TABLE cursor (
    stream INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    connection INTEGER NOT NULL,
    ranges BLOB NOT NULL,
    anchored INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    gapped INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    PRIMARY KEY (stream, lane)
) WITHOUT ROWID;
-- hub: one row. store changes when a backup is restored or another hub takes over.
CREATE TABLE hub (
    number INTEGER PRIMARY KEY CHECK (number = 1),
    store BLOB NOT NULL,
    made_ms INTEGER NOT NULL,
    connection INTEGER NOT NULL
);
PRAGMA user_version = 1;
