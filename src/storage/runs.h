/*
 * runs: the rows of runs that have not ended: their event, and the outputs that were kept.
 *
 * A run's row is found by its id through a map in memory, so the table needs no second index. What
 * a batch changes in the map is taken back with it. What is written when is runtime/journal.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/database.h"
#include "storage/number_map.h"
#include "storage/store_job.h"

enum { RUNS_CHANGES_MAX = 1024, RUN_STEPS_MAX = 1024 };

struct run_change {
    uint64_t id_hash, number;
    bool added; /* else removed */
};

struct runs {
    struct database *database; /* not owned */
    struct number_map numbers; /* row by id */
    uint64_t next_number;
    struct run_change changes[RUNS_CHANGES_MAX]; /* of the open transaction */
    int change_count;
};

/* Reads which runs there are. */
status runs_load(struct runs *runs, struct error *err);
void runs_done(struct runs *runs);

/* Writes the run's row; nothing when it has one. */
status runs_begin(struct runs *runs, const struct store_job *job, struct error *err);

/* Writes a step's row, and the run's if it has none. */
status runs_step(struct runs *runs, const struct store_job *job, struct error *err);

/* Counts one recovery of a run, which gets a row if it has none. */
status runs_count(struct runs *runs, const struct store_job *job, uint64_t *out_count,
                  struct error *err);
status runs_set_state(struct runs *runs, const struct store_job *job, struct error *err);

/* Deletes the rows of a run, if it has any. */
status runs_end(struct runs *runs, struct id run, struct error *err);

/* Calls `each` for every run in the order in which they began. */
status runs_each(struct database *database, void (*each)(void *owner, const struct kept_run *run),
                 void *owner, struct error *err);

/* After a commit, after a rollback. */
void runs_settle(struct runs *runs);
void runs_take_back(struct runs *runs);
