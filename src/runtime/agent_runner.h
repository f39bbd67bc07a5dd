/*
 * agent_runner: takes a run's steps: on a worker as long as it can, on the loop where a step must
 * wait.
 *
 * A run of in-process steps crosses threads twice. What an awaited write, a waiting agent, a
 * backoff or a missing link needs, the runner asks for on the loop, and hands the run to a worker
 * again. A step's failure becomes what its `retry` and `on_error` say; the run's end is the
 * orchestrator's (`ended`).
 *
 * Thread: loop; steps on workers. Survives: nothing by itself, see journal.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "platform/loop.h"
#include "platform/worker.h"
#include "runtime/crash_page.h"
#include "runtime/destinations/destinations.h"
#include "runtime/journal.h"
#include "runtime/run.h"

enum { LINK_WAIT_MS = 30 * 1000 };

struct agent_runner {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    struct journal *journal;
    struct crash_page *page;
    const char *work_folder;                     /* holds the runs' own folders */
    const struct destinations *destinations;     /* NULL: there are none */
    void (*ended)(void *owner, struct run *run); /* on the loop: outcome and records stand */
    void (*waits)(void *owner, struct run *run); /* on the loop: it waits for a link from now on */
    void (*goes_on)(void *owner, struct run *run); /* on the loop: it does no more */
    void *owner;
    int64_t link_wait_ms; /* before a step that was offline is tried again */
    uint32_t acting;      /* steps whose agent is called on the loop, or whose begin is written */
    bool stopping;        /* nothing is waited for any more but those */
    atomic_bool hurried;  /* nor those: steps that have not begun do not begin */
};

/* Takes a run until it ends. What stops on the way, or does not begin since we stop, stays the
 * slot's. */
void agent_runner_start(struct agent_runner *runner, struct run *run);
