/*
 * orchestrator: which run begins when: slots, their queues, and what happens when a run has ended.
 *
 * Events come from feeds into a slot's queue, become runs when the slot's `concurrency` allows, are
 * executed by the agent_runner, and end with one write of the journal. Then the result is shown to
 * whoever listens, the source is told, and the next event's turn comes.
 *
 * Not here: steps (agent_runner), what is written (journal), what crashed (recovery), reading
 * workflow files (reload).
 * Thread: loop. Survives: through the journal.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "runtime/agent_runner.h"
#include "runtime/history.h"
#include "runtime/slot.h"

enum { ORCHESTRATOR_PATH_BYTES = 4096 };

struct orchestrator_options {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    struct store *store;
    struct destinations *destinations; /* NULL: there are none */
    const char *folder;                /* the data folder */
    struct value device;               /* what expressions see as $device */
    bool stdin_allowed;                /* a stdin trigger is for `ebb run` alone */
    bool http_allowed;                 /* and one on HTTP for who has a socket */
    bool traced;
    bool feeds_closed; /* events come from elsewhere */
    /* All on the loop, any may be NULL. */
    void (*on_result)(void *owner, const struct workflow *workflow,
                      const struct record_draft *record); /* durable */
    void (*on_ended)(void *owner, const struct run *run);
    void (*on_refused)(void *owner, const struct slot *slot, const struct error *err);
    void (*on_idle)(void *owner); /* every feed has ended, and nothing is left to do */
    void *owner;
};

struct orchestrator {
    struct orchestrator_options options;
    struct journal journal;
    struct agent_runner runner;
    char work_folder[ORCHESTRATOR_PATH_BYTES]; /* of the runs' own folders */
    struct crash_page *page;                   /* owned */
    struct id blamed[POOL_WORKERS_MAX];        /* on a worker when the process before us crashed */
    int blamed_count;
    struct slot *slots; /* owned, in the order of their names */
    struct history history;
    struct generation *generation; /* shared: the newest */
    uint32_t warming;              /* jobs that compile expressions: `ready` waits for them */
    bool stopping;
};

status orchestrator_create(const struct orchestrator_options *options,
                           struct orchestrator **out_orchestrator, struct error *err);

/* Closes feeds; what runs goes on to its next wait and no further. */
void orchestrator_stop(struct orchestrator *orchestrator);

/* After a stop that takes too long: steps that have not begun do not begin, and agents that compute
 * end it. */
void orchestrator_hurry(struct orchestrator *orchestrator);
void orchestrator_destroy(struct orchestrator *orchestrator);

struct slot *orchestrator_slot(struct orchestrator *orchestrator, struct slice name);

/* The slot of that name, made when there is none; NULL without memory. */
struct slot *orchestrator_add_slot(struct orchestrator *orchestrator, struct slice name);

/* Makes `version` (which it takes) the slot's, and registers it with the store; feeds open when the
 * store has answered, unless a person has stopped it. Without memory the older version stays. */
void orchestrator_install(struct slot *slot, struct version *version, bool stopped);

/* Opens or closes the feeds of a slot whose version stands. */
status orchestrator_start_slot(struct slot *slot, struct error *err);
void orchestrator_stop_slot(struct slot *slot);

/* Its file is gone: what was kept runs to its end, nothing new begins. */
void orchestrator_leave_slot(struct slot *slot);

/* Takes a slot that was left out of the list and frees it; CONFLICT while something of it is
 * queued, under way or parked. */
status orchestrator_forget_slot(struct slot *slot, struct error *err);

/* Takes the caller's share of the newest generation; jq programs are compiled on a worker. */
void orchestrator_take_generation(struct orchestrator *orchestrator, struct generation *generation);

/* Takes an event as if a feed had offered it. */
void orchestrator_offer(struct slot *slot, struct event *event);

/* Something that came does not become a run: counted, said once. */
void orchestrator_refuse(struct slot *slot, const struct error *err);

/* These are durable: destinations and whoever listens are told. */
void orchestrator_tell(const struct orchestrator *orchestrator, const struct workflow *workflow,
                       const struct record_draft *drafts, uint32_t count);

/* Says so when nothing is left to do. */
void orchestrator_check_idle(struct orchestrator *orchestrator);

/* Starts a run whose place among the running is there. */
void orchestrator_start_run(struct slot *slot, struct run *run);

/* Starts what may start, and asks for more. */
void orchestrator_pump(struct slot *slot);
