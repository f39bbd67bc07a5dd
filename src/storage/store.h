/*
 * store: everything a device keeps, behind one door: jobs in, answers back after the commit.
 *
 * Jobs are submitted on the loop, handed to the database thread once at the end of the loop's turn,
 * run together in one transaction, and answered on the loop after its commit (D2: fsynced). No
 * timer: a lone job waits for one fsync. A job that fails takes the batch back; its jobs are then
 * run one by one, so a bad job never fails its neighbours. Order is kept. Reading jobs run on a
 * reader thread with a connection of its own and see committed rows only.
 *
 * Not here: what a run is and when something is written (runtime/journal), when anything is sent
 * (runtime/sync_manager), what a job does to the tables (storage/core).
 * Thread: loop, but for the database and reader threads inside. Survives: power cuts, after the
 * commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/store_job.h"

struct store;
struct blobs;

enum {
    STORE_BATCH_JOBS_MAX = 256,
    STORE_BATCH_BYTES_MAX = 1 << 20,
    STORE_ASIDE_BYTES = 256,
    STORE_NEW_MB = 12 /* of disk, that a new store takes */
};

struct store_options {
    const char *folder;        /* holds ebb.db; made when missing */
    int64_t budget_bytes;      /* of all lanes together; 0: 1 GiB. Lanes get their shares of it */
    int64_t commit_ms;         /* device's default commit interval; 0: none */
    const char *vfs;           /* name of a registered SQLite VFS; NULL: the system's */
    void (*wake)(void *owner); /* from the store's threads: call store_collect on the loop soon */
    void (*alarm)(void *owner, struct slice text); /* on the loop, from store_collect: what a person
                                                      must hear; may be NULL */
    void *owner;
};

/* What opening found; for the log and for `ebb status`. */
struct store_opened {
    bool made;     /* a new store */
    bool salvaged; /* the old file was damaged: it is kept as `aside`, what was readable is here */
    char aside[STORE_ASIDE_BYTES];
    uint64_t salvaged_records, damaged_records;
    int migrated_from; /* user_version that was found, -1 when nothing was migrated */
};

/* Opens (makes, migrates, checks, salvages) and starts the threads. CONFLICT when another process
 * has the folder, DENIED when it is read-only, INVALID when the file is of a newer ebb or of
 * another program, CORRUPT never: a damaged file is salvaged. */
status store_open(const struct store_options *options, struct store **out_store,
                  struct store_opened *out_opened, struct error *err);

/* Finishes what was submitted, closes. Jobs that waited get their answers first; NULL is fine. */
void store_close(struct store *store);

/* Hands what was submitted since the last call to the database thread; the loop calls it at the end
 * of each turn. */
void store_flush(struct store *store);

/* Calls `done` of every job that is answered; the loop calls it after `wake`. */
void store_collect(struct store *store);

/* Where blobs are kept beside the database; any thread. */
struct blobs *store_blobs(const struct store *store);

/* The stream that is written to. */
struct id store_stream(const struct store *store);

/* --- writing --------------------------------------------------------------------------------- */

void store_submit(struct store *store, struct store_job *job);

/* --- what open runs left, once, at the start ------------------------------------------------- */

/* These are the destinations besides the hub from now on, and no others; out_bits[i] is what a
 * record that is for the i-th says. Before the first job is submitted (blocking). FULL when more
 * names than STORE_DESTINATIONS_MAX were ever used. */
status store_use_destinations(struct store *store, const struct slice *names, uint32_t count,
                              uint64_t *out_bits, struct error *err);

/* Calls `each` for every kept run in the order in which they began, before the first job is
 * submitted (blocking). Slices are valid during the call. */
status store_each_run(struct store *store, void (*each)(void *owner, const struct kept_run *run),
                      void *owner, struct error *err);

/* True when the event was marked as seen. Answered from memory: marks are read by the reader thread
 * after opening (a call waits for that) and kept up to date. */
bool store_seen(const struct store *store, struct slice source, uint64_t hash);

/* --- reading --------------------------------------------------------------------------------- */

void store_read(struct store *store, struct store_read *read);

/* Counters since the start, for /metrics and `ebb status`; any time, on the loop. */
struct store_counters {
    uint64_t commits, jobs, records, bytes, failed_jobs, commit_ns_total, gaps;
    int64_t lane_bytes[LANE_COUNT];
    uint64_t lane_next_seq[LANE_COUNT], lane_acked_seq[LANE_COUNT];
    int64_t blob_bytes, blob_bytes_max;
    uint64_t blobs_evicted;
    bool full;    /* the last commit failed for want of space */
    bool failing; /* an I/O error: nothing is acknowledged until the check has passed */
};
void store_counters(const struct store *store, struct store_counters *out_counters);
