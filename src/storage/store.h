/*
 * store: everything a device keeps, behind one door: jobs in, answers back after the commit.
 *
 * Jobs are submitted on the loop, handed to the database thread once at the end of the loop's turn, run together in one
 * transaction, and answered on the loop after its commit (D2: fsynced). No timer: a lone job waits for one fsync. A job that fails
 * takes the batch back; its jobs are then run one by one, so a bad job never fails its neighbours. Order is kept.
 * Reading jobs run on a reader thread with a connection of its own and see committed rows only.
 *
 * Not here: what a run is and when something is written (runtime/journal), when anything is sent (runtime/sync_manager).
 * Thread: loop, but for the database and reader threads inside. Survives: power cuts, after the commit.
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

struct store;

enum {
    STORE_BATCH_JOBS_MAX = 256,
    STORE_BATCH_BYTES_MAX = 1 << 20
};

struct store_options {
    const char *folder;      /* holds ebb.db; made when missing */
    int64_t budget_bytes;    /* of all lanes together; 0: 1 GiB. Lanes get their shares of it */
    int64_t commit_ms;       /* device's default commit interval; 0: none */
    const char *vfs;         /* name of a registered SQLite VFS; NULL: the system's */
    void (*wake)(void *owner); /* called from the store's threads: call store_collect on the loop soon */
    void (*alarm)(void *owner, struct slice text); /* on the loop, from store_collect: what a person must hear */
    void *owner;
};

/* What opening found; for the log and for `ebb status`. */
struct store_opened {
    bool made;               /* a new store */
    bool salvaged;           /* the old file was damaged: it is kept as `aside`, what was readable is here */
    char aside[256];
    uint64_t salvaged_records, damaged_records;
    int migrated_from;       /* user_version that was found, -1 when nothing was migrated */
};

/* Opens (makes, migrates, checks, salvages) and starts the threads. CONFLICT when another process has the folder, DENIED when it is
 * read-only, CORRUPT never: a damaged file is salvaged. */
status store_open(const struct store_options *options, struct store **out_store,
                  struct store_opened *out_opened, struct error *err);

/* Finishes what was submitted, closes. Jobs that waited get their answers first. */
void store_close(struct store *store);

/* Hands what was submitted since the last call to the database thread; the loop calls it at the end of each turn. */
void store_flush(struct store *store);

/* Calls `done` of every job that is answered; the loop calls it after `wake`. */
void store_collect(struct store *store);

struct id store_stream(const struct store *store);

/* --- writing ------------------------------------------------------------------------------------------------ */

/* A record to be written; slices stay valid until `done`. */
struct record_draft {
    struct record record;
    enum lane lane;
    struct slice key;       /* stands for an unsent record of this key and name of the same workflow; empty: none */
    int64_t keep_ms;        /* 0: 7 days */
    int64_t expires_ms;     /* worth sending so long; 0: for ever */
    struct id out_id;       /* public id, set when the job is done */
    uint64_t out_seq;
};

struct state_write {
    struct slice step, key, value; /* value empty: removed */
    int64_t expires_wall_ms;       /* 0: never */
};

enum store_job_kind {
    STORE_WORKFLOW,    /* keep a workflow's version; out_number */
    STORE_RUN_BEGIN,   /* keep a run with its event */
    STORE_RUN_STEP,    /* keep that a step began, or its output */
    STORE_RUN_END,     /* records and state in, run and steps out, event marked: one transaction */
    STORE_RUN_COUNT,   /* one more recovery of a run (made when it has no row yet); out_number: how many now */
    STORE_RUN_STATE,   /* park, resume, let wait */
    STORE_SEEN_FORGET, /* the source's file is gone: its mark goes too */
    STORE_ACKNOWLEDGE, /* the hub holds a lane up to seq */
    STORE_PURGE        /* what time and budgets say should go, a bounded step of it; out_number: records that went */
};

enum run_state { RUN_OPEN = 0, RUN_WAITING = 1, RUN_PARKED = 2 };
enum step_state { STEP_BEGUN = 1, STEP_DONE = 2, STEP_FAILED = 3, STEP_SKIPPED = 4 };

struct store_job {
    enum store_job_kind kind;
    void (*done)(struct store_job *job); /* on the loop, after the commit or the failure; job is the caller's again */
    void *owner;
    int64_t interval_ms;   /* may wait so long for its commit; 0: the next one */

    struct id run;         /* RUN_*; END: zero when the run was never kept */
    uint32_t workflow;     /* number that STORE_WORKFLOW gave */
    struct slice workflow_name, workflow_text; /* STORE_WORKFLOW */
    struct id workflow_digest;
    struct slice event_id; /* BEGIN, COUNT: the event's identity, may be empty */
    struct slice event;    /* BEGIN, COUNT: JSON of the whole event */
    enum run_state run_state;
    struct slice step;     /* RUN_STEP: the step's id */
    enum step_state step_state;
    int attempts;
    struct slice output;   /* RUN_STEP: JSON; empty for BEGUN */
    struct record_draft *records; /* END */
    uint32_t record_count;
    const struct state_write *states; /* END */
    uint32_t state_count;
    struct slice seen_source; /* END: mark the event as seen; FORGET: forget it. Empty: no mark */
    uint64_t seen_hash;
    enum lane lane;        /* ACKNOWLEDGE */
    uint64_t seq;

    uint64_t out_number;
    struct error error;    /* code STATUS_OK when it is durable */
    struct store_job *next; /* the store's while submitted */
};

void store_submit(struct store *store, struct store_job *job);

/* --- what open runs left, once, at the start ----------------------------------------------------------------- */

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

/* Calls `each` for every kept run in the order in which they began, before the first job is submitted (blocking). Slices are valid during the call. */
status store_each_run(struct store *store, void (*each)(void *owner, const struct kept_run *run),
                      void *owner, struct error *err);

/* True when the event was marked as seen. Answered from memory at once: marks are read at open and kept up to date. */
bool store_seen(const struct store *store, struct slice source, uint64_t hash);

/* --- reading -------------------------------------------------------------------------------------------------- */

enum store_read_kind {
    READ_RESULTS,   /* newest first: filter by workflow, name, lane; at most `limit`; before `before_key` */
    READ_RESULT,    /* by public id */
    READ_LANES,     /* per lane: waiting, bytes, oldest, next seq, acknowledged, gaps */
    READ_RUNS,      /* open, waiting and parked runs */
    READ_PEEK       /* the next `limit` records of a lane that the hub does not hold, oldest first */
};

struct store_read {
    enum store_read_kind kind;
    void (*done)(struct store_read *read); /* on the loop */
    void *owner;
    struct slice workflow, name;   /* empty: any */
    enum lane lane;                /* LANE_COUNT: any */
    struct id id;
    uint64_t before_key;           /* 0: from the newest */
    uint32_t limit;                /* at most 1000 */
    bool parked_only;
    struct buffer out;             /* JSON: a list of objects, or one object; the caller's to clean */
    uint64_t out_next_key;         /* to go on with; 0: no more */
    struct error error;
    struct store_read *next;
};

void store_read(struct store *store, struct store_read *read);

/* Counters since the start, for /metrics and `ebb status`; any time, on the loop. */
struct store_counters {
    uint64_t commits, jobs, records, bytes, failed_jobs, commit_ns_total, gaps;
    int64_t lane_bytes[LANE_COUNT];
    uint64_t lane_next_seq[LANE_COUNT], lane_acked_seq[LANE_COUNT];
    bool full;       /* the last commit failed for want of space */
    bool failing;    /* an I/O error: nothing is acknowledged until the check has passed */
};
void store_counters(const struct store *store, struct store_counters *out_counters);
