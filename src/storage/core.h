/*
 * core: the store without its threads: a batch of jobs in one transaction, and what failing means.
 *
 * A batch is all or nothing. When a job fails, the batch is taken back and its jobs are run one by
 * one; a full disk is answered by making room and trying once more. Memory (heads, map of runs)
 * changes only with the commit.
 *
 * Not here: which jobs make a batch, and when (storage/store). Tests of power cuts drive this.
 * Thread: one at a time. Survives: power cuts, after core_run.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/store.h"

struct core;
struct database;

struct core_options {
    const char *folder;
    const char *vfs;
    int64_t budget_bytes; /* 0: 1 GiB */
    struct blobs *blobs;  /* not owned; NULL: no job holds any */
    int64_t wal_bytes;    /* as in local_db_options */
    int checkpoint_pages; /* the WAL is copied when it has so many; 0: 1000 */
    int64_t retry_ms;     /* between two tries to mend a failing disk; 0: 500 */
    void (*reopening)(void *owner,
                      bool done); /* the file is about to be closed; it is open again */
    void *owner;
};

/* Opens, makes, migrates, checks. The folder must be there and be locked by the caller. */
status core_open(const struct core_options *options, struct core **out_core,
                 struct store_opened *out_opened, struct error *err);

/* NULL is fine. */
void core_close(struct core *core);

/* Runs a batch of at most STORE_BATCH_JOBS_MAX jobs; each has its answer in `error` and what it
 * asked for in its outputs when this returns. */
void core_run(struct core *core, struct store_job *const *jobs, int count);

/* What may be done between batches: checkpoints. */
void core_idle(struct core *core);

/* How many bytes a job counts in a batch. */
size_t core_job_bytes(const struct store_job *job);

struct id core_stream(const struct core *core);

/* The lane of the stream that is written to was handed out up to `seq`; any thread. */
void core_note_sent(struct core *core, enum lane lane, uint64_t seq);

/* As store_use_destinations. */
status core_use_destinations(struct core *core, const struct slice *names, uint32_t count,
                             uint64_t *out_bits, struct error *err);

/* Calls `each` for every kept run in the order in which they began. */
status core_each_run(struct core *core, void (*each)(void *owner, const struct kept_run *run),
                     void *owner, struct error *err);

/* The connection, for reading what stands there. */
struct database *core_database(struct core *core);

/* What a person must hear, the oldest first; false: nothing. */
bool core_take_alarm(struct core *core, struct error *out_alarm);

/* Mends what a check of the reader found: single records, or the whole file. */
void core_mend_found(struct core *core, bool whole_file);

/* All but what the threads count. */
void core_counters(const struct core *core, struct store_counters *out_counters);

/* The newest wall clock that is stored. */
status core_newest_wall_ms(struct core *core, int64_t *out_wall_ms, struct error *err);
