/*
 * history: the last runs that ended, from memory, for `ebb runs list`.
 *
 * What must outlive the process is a record; this is for looking.
 *
 * Thread: loop. Survives: nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "runtime/run.h"

enum { HISTORY_RUNS_MAX = 1000 };

struct ended_run {
    struct id id;
    enum run_outcome outcome;
    int64_t began_wall_ms, ended_wall_ms;
    int64_t took_ns;
    const char *workflow, *event_id, *error; /* behind this, in the same block */
};

struct history {
    struct ended_run *runs[HISTORY_RUNS_MAX]; /* owned; a ring */
    uint64_t count;                           /* ever */
};

/* Keeps what a listing shows of it; without memory it is not shown. */
void history_add(struct history *history, const struct run *run);

/* Newest first: index 0 is the last one that ended; NULL beyond the end. */
const struct ended_run *history_at(const struct history *history, uint32_t index);
void history_done(struct history *history);
