/*
 * ingest: the one that writes: jobs in, answers back after the commit.
 *
 * Jobs are submitted on the loop, which hands them over at the end of its turn, or when there are a
 * few. The writing thread runs all that waits, of all devices, in one transaction; what comes
 * meanwhile is the next batch, which it begins without the loop. No timer: a lone job waits for one
 * fsync. A job that fails takes the batch back; its jobs are then run one by one, so a bad job
 * never fails its neighbours. Order is kept.
 *
 * What a job does to the store is its own business (hub/upload, hub/greeting, hub/api). Who is
 * answered how is not decided here.
 *
 * Thread: loop; only `work` runs on the writing thread. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "hub/ingest_speed.h"
#include "hub/lanes.h"
#include "hub/store/hub_store.h"
#include "platform/loop.h"

enum {
    INGEST_BATCH_JOBS_MAX = 1024,
    INGEST_BATCH_BYTES_MAX = 8 << 20,
    INGEST_HELD_BYTES_MAX = 64 << 20 /* of bodies, in jobs or on their way into one */
};

struct ingest;

struct ingest_job {
    /* On the writing thread, in the open transaction. It is called again when the batch was taken
     * back, and begins anew then: what it wrote for `done` is written once more. A failure takes
     * the job's part back. */
    status (*work)(struct ingest_job *job, struct lanes *lanes, struct error *err);

    /* On the writing thread, at once when it has failed for good; NULL: nothing to do then. */
    void (*failed)(struct ingest_job *job);

    /* On the loop, after the commit, or with what failed in `error`. May free the job. */
    void (*done)(struct ingest_job *job);
    size_t bytes;            /* that it brings to the store, about; `work` says 0: none after all */
    struct error error;      /* code OK: it is committed */
    struct ingest_job *next; /* ingest's while submitted */
};

struct ingest_options {
    struct loop *loop;
    struct hub_session *session; /* the writing one; stays the caller's, is ingest's till the end */
};

status ingest_create(const struct ingest_options *options, struct ingest **out_ingest,
                     struct error *err);

/* Waits for what the writing thread is at and calls `done` of every job that is left, with OFFLINE
 * for what was not begun. No job may be submitted any more; what bodies hold may still be let
 * go. NULL is fine. */
void ingest_stop(struct ingest *ingest);
void ingest_destroy(struct ingest *ingest); /* stops; NULL is fine */

void ingest_run(struct ingest *ingest, struct ingest_job *job);
bool ingest_is_idle(const struct ingest *ingest);

/* Has `brought` called on the loop whenever records have been committed. NULL: nobody any more. */
void ingest_watch(struct ingest *ingest, void (*brought)(void *owner), void *owner);

/* --- memory of bodies --- */

/* What bodies hold changes by so much. */
void ingest_hold(struct ingest *ingest, int64_t bytes);

/* Whether bodies hold more than they may: whoever brings more is to wait, or, when no job is under
 * way that could make room, to go. */
bool ingest_is_full(const struct ingest *ingest);

/* How much a device may send next, and when: less before memory grows, and after a full disk. */
struct grant ingest_grant(const struct ingest *ingest);

struct ingest_counters {
    uint64_t batches, jobs, commit_ns_total;
    uint64_t failed_jobs; /* of disk or memory, not of what was asked for */
    size_t waiting_jobs;
    int64_t held_bytes;
    struct hub_tally tally;
    bool disk_full;  /* the last that devices brought did not fit */
    bool disk_fails; /* the same met an I/O error: nothing is acknowledged */
};
void ingest_counters(const struct ingest *ingest, struct ingest_counters *out_counters);

/* How fast it has been of late. */
void ingest_figures(struct ingest *ingest, struct ingest_speed_figures *out_figures);
