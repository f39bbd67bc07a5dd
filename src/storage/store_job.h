/*
 * store_job: what the store is asked to write or to list, as plain data.
 *
 * A job is one all-or-nothing change. It belongs to the store from store_submit (store_read) until
 * its `done` is called, and so do the bytes that its slices point at. What is done with it is
 * storage/core; the threads are storage/store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "wire/lane.h"
#include "wire/record.h"

struct outbox_facts;
struct outbox_batch;

enum {
    STORE_READ_ROWS_MAX = 1000,
    STORE_READ_BYTES_MAX = 8 << 20,
    STORE_JOB_BYTES_MAX = 4 << 20, /* of one job's slices together */
    STORE_GONE_MAX = 4,
    STORE_KEY_BYTES_MAX = 1024,       /* of a result's key, a step's id, a state's key */
    STORE_DESTINATIONS_MAX = 32,      /* names that a store ever knows */
    STORE_DESTINATION_BYTES_MAX = 63, /* of a name */
    STORE_KEEP_MS_DEFAULT = 7 * 24 * 3600 * 1000
};

/* A record to be written; slices stay valid until `done`. Its workflow's name is that of the job's
 * workflow, whatever stands here; version 0 stands for the current one, boot zero for this boot. */
struct record_draft {
    struct record record;
    enum lane lane;
    struct slice key;      /* stands for an unsent record of this key and name of the same workflow;
                           empty: none */
    int64_t keep_ms;       /* 0: 7 days */
    int64_t expires_ms;    /* worth sending so long; 0: for ever */
    uint64_t destinations; /* whom it is for besides the hub: bits of store_use_destinations */
    bool aside;            /* the private fields of the result before it: told to nobody */
    struct id out_id;      /* public id, set when the job is done */
    uint64_t out_seq;
};

struct state_write {
    struct slice step, key, value; /* value empty: removed */
    int64_t expires_wall_ms;       /* 0: never */
};

/* Whether the hub may have the bytes of a blob. What never leaves does so whoever else attaches
 * it. */
enum blob_leaves {
    BLOB_UNSAID = 0, /* no result says anything: it stays */
    BLOB_MAY_LEAVE = 1,
    BLOB_NEVER_LEAVES = 2
};

/* What a job says of a blob that lies in blobs/ already (storage/blobs). */
struct blob_hold {
    struct id id;
    int64_t bytes;
    struct slice type;
    int64_t keep_ms; /* of an attachment: how long it stays; 0: says nothing of that */
    int holders;     /* 1: a kept run holds it, -1: no more */
    enum blob_leaves leaves;
};

enum store_job_kind {
    STORE_WORKFLOW,    /* keep a workflow's version; out_number */
    STORE_RUN_BEGIN,   /* keep a run with its event */
    STORE_RUN_STEP,    /* keep that a step began, or its output (and the run, if it has no row) */
    STORE_RUN_END,     /* records and state in, run and steps out, event marked: one transaction */
    STORE_RUN_COUNT,   /* one more recovery of a run (made when it has no row yet); out_number: how
                          many now */
    STORE_RUN_STATE,   /* park, resume, let wait; NOT_FOUND when it has no row */
    STORE_SEEN_FORGET, /* the source's file is gone: its mark goes too */
    STORE_QUARANTINE,  /* keep an event that does not fit, and mark it; out_number: its own */
    STORE_ACKNOWLEDGE, /* the hub holds a lane up to seq */
    STORE_RENUMBER,  /* what stands in a stream behind `after` goes on in another one: the one that
                          is written to, or, if it is that one, a new one */
    STORE_GAP,       /* a gap of `gap_reason` takes the place of the record at seq */
    STORE_DELIVERED, /* a destination has a lane up to seq, or gave up what it had not */
    STORE_PURGE      /* what time and budgets say should go, a bounded step of it; out_number:
                          records that went */
};

enum run_state { RUN_OPEN = 0, RUN_WAITING = 1, RUN_PARKED = 2 };
enum step_state { STEP_BEGUN = 1, STEP_DONE = 2, STEP_FAILED = 3, STEP_SKIPPED = 4 };

struct store_job {
    enum store_job_kind kind;
    void (*done)(struct store_job *job); /* on the loop, after the commit or the failure; job is the
                                            caller's again */
    void *owner;
    int64_t interval_ms; /* may wait so long for its commit; 0: the next one; -1: as store_options
                            say */

    struct id run;                             /* RUN_*; END: zero when the run was never kept */
    uint32_t workflow;                         /* number that STORE_WORKFLOW gave */
    struct slice workflow_name, workflow_text; /* STORE_WORKFLOW; the name: QUARANTINE, too */
    struct id workflow_digest;
    struct slice event_id;       /* BEGIN, COUNT, QUARANTINE: the event's identity, may be empty */
    struct slice event;          /* BEGIN, COUNT, QUARANTINE: JSON of the whole event */
    struct slice source, reason; /* QUARANTINE: the event's source, why it does not fit */
    enum run_state run_state;
    struct slice step; /* RUN_STEP: the step's id */
    enum step_state step_state;
    int attempts;
    struct slice output;          /* RUN_STEP: JSON; empty for BEGUN */
    struct record_draft *records; /* END */
    uint32_t record_count;
    const struct state_write *states; /* END */
    uint32_t state_count;
    const struct blob_hold *blobs; /* STEP: what its output holds; END: what results attach, and
                                      what is held no more */
    uint32_t blob_count;
    struct slice seen_source; /* END, QUARANTINE: mark the event as seen; FORGET: forget it. Empty:
                                 no mark */
    uint64_t seen_hash;
    uint64_t seen_mask; /* END, QUARANTINE: a mark that differs only in these bits is of the same
                           thing and gives way; FORGET: all of them go */
    bool seen_fades;    /* END, QUARANTINE: nobody will forget the mark: it goes with time */
    bool drop_oldest;   /* END: the workflow's `queue.full` is not `block`: where a lane or the disk
                           is   full, its oldest unsent records in high and normal become a gap */
    struct id
        stream; /* ACKNOWLEDGE, GAP, RENUMBER, DELIVERED: zero for the one that is written to */
    enum lane lane;
    uint64_t seq;
    struct id chain;            /* ACKNOWLEDGE: the hub's chain value there; zero: it did not say */
    uint64_t anchored_seq;      /* ACKNOWLEDGE: what of it the hub's backup covers */
    enum gap_reason gap_reason; /* GAP */
    const uint64_t *after;      /* RENUMBER: for each lane but local, the last seq that both have */
    struct slice destination;   /* DELIVERED */
    bool gave_up;               /* DELIVERED: what was still to go up to seq is missed */

    uint64_t out_number;
    uint64_t
        out_gone[STORE_GONE_MAX]; /* keys (storage/seen) of marks that gave way or were forgotten,
                                     as far as they fit */
    uint32_t out_gone_count;
    struct error error;     /* code STATUS_OK when it is durable */
    struct store_job *next; /* the store's while submitted */
};

enum store_read_kind {
    READ_RESULTS, /* newest first: filter by workflow, name, lane; at most `limit`; before
                     `before_key` */
    READ_RESULT,  /* by public id */
    READ_LANES,   /* per lane: waiting, bytes, oldest, next seq, acknowledged, gaps */
    READ_RUNS,    /* open, waiting and parked runs */
    READ_EVENTS,  /* kept aside, newest first: filter by workflow; before the number
                     `before_key` */
    READ_EVENT,   /* the one of number `before_key` */
    READ_STATES,  /* what step `name` of `workflow` remembers, by key behind `after`: lists of key,
                     milliseconds at which it expires, and value, a text; out_next_key: there is
                     more */
    READ_PEEK,    /* the next `limit` records of a lane that the hub does not hold, oldest first */
    READ_DUE,     /* what a destination has yet to get of a lane: reading_due.h */
    READ_DESTINATIONS, /* how much that is for each, and what it missed */
    READ_BLOB,         /* of the blob `id`: {"bytes","type","leaves"}; NOT_FOUND: it has no row */
    READ_FACTS,        /* where all lanes stand, into `facts` */
    READ_BATCH         /* what stands in `lane` of stream `id` from `from_seq` to `to_seq`, into
                          `batch`: it is not replaced from then on */
};

struct store_read {
    enum store_read_kind kind;
    void (*done)(struct store_read *read); /* on the loop */
    void *owner;
    struct slice workflow, name; /* empty: any */
    enum lane lane;              /* LANE_COUNT: any */
    struct slice destination;    /* DUE: its name */
    uint64_t destination_bit;
    struct id id;
    uint64_t before_key; /* 0: from the newest; else the out_next_key of the page before */
    uint32_t limit;      /* at most STORE_READ_ROWS_MAX; 0: that */
    struct slice after;  /* READ_STATES: the last key of the page before; empty: from the first */
    bool parked_only;
    struct outbox_facts *facts; /* FACTS, BATCH: storage/outbox_reader.h; the caller's */
    struct outbox_batch *batch;
    uint64_t from_seq, to_seq;
    struct buffer out;     /* JSON: a list of objects, or one object; the caller's to clean */
    uint64_t out_next_key; /* to go on with; 0: no more */
    struct error error;
    struct store_read *next;
};

/* What open runs left. */
struct kept_step {
    struct slice step;
    enum step_state state;
    int attempts;
    struct slice output;
};

struct kept_run {
    struct id id;
    struct slice workflow_name, workflow_text;
    struct id workflow_digest;
    uint32_t workflow;
    struct slice event_id, event;
    enum run_state state;
    int recoveries;
    const struct kept_step *steps;
    uint32_t step_count;
};
