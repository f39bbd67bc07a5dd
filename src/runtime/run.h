/*
 * run: one execution of a workflow version for one event, and what it knows so far.
 *
 * A run is owned by one thread at a time: the loop hands it whole to a worker, the worker hands it
 * back when a step must wait. `need` says what for. Its values live in its arena until it is
 * destroyed.
 *
 * Not here: taking steps (agent_runner), what is written when (journal), which run is next
 * (orchestrator).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "platform/worker.h"
#include "runtime/event.h"
#include "runtime/run_blobs.h"
#include "runtime/version.h"
#include "storage/store.h"

enum { RUN_BYTES_MAX = 16 << 20, RUN_ID_TEXT_BYTES = ID_HEX_BYTES + 1 };

/* What a run needs from the loop before it can go on. */
enum run_need {
    NEED_WORKER, /* nothing: it can go (back) to a worker */
    NEED_BEGUN,  /* that the current step began must be durable first */
    NEED_CALL,   /* the current step's agent waits on the loop */
    NEED_TIMER,  /* `wait_ms` before the next attempt */
    NEED_LINK,   /* the step ended offline: later, when there may be a link again */
    NEED_NOTE,   /* the last step's output is worth keeping; then on */
    NEED_END     /* outcome and records stand */
};

enum run_outcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_SKIPPED, OUTCOME_EXPIRED };

const char *run_outcome_name(enum run_outcome outcome);

enum run_phase {
    PHASE_FRESH,    /* nothing was decided yet */
    PHASE_PREPARED, /* its `with` stands */
    PHASE_BEGUN,    /* that it begins is durable, or need not be */
    PHASE_RETURNED, /* the agent has answered: run->call tells */
    PHASE_DONE,
    PHASE_FAILED, /* for good, and its on_error was taken */
    PHASE_SKIPPED
};

struct run_step {
    enum run_phase phase;
    int attempts;
    bool noted;        /* its output is in the journal, or was asked to be */
    bool began_before; /* the journal of an earlier process says that it began */
    bool expired;      /* it failed because its time was over */
    bool reported;     /* its failure has a record also where the run goes on */
    struct value with, output;
    struct each *each;        /* the calls of a step with `each`; in the run\'s arena */
    struct slice state;       /* JSON of what its key had when the run began; empty: nothing */
    struct slice state_after; /* what the next run is given; empty: it gave none */
    int64_t began_ns, took_ns;
    uint64_t calls, failures; /* counted into the agent's stats when the run is back on the loop */
    status code;              /* of its last failure */
    struct slice error;       /* its sentence */
};

/* A record that stands under a limit. */
struct limited {
    uint32_t record;           /* its index */
    const struct limit *limit; /* of the run's workflow */
    struct slice key;          /* whose limit it is */
};

struct run {
    struct job job; /* first: a job is its run */
    struct id id;
    struct version *version;     /* shared */
    struct event *event;         /* owned */
    struct slot *slot;           /* not owned */
    struct event_key key;        /* the event's, by this version */
    bool holds_key;              /* no other event of that key begins */
    struct slice seen_source;    /* of the mark of its event; empty when it leaves none */
    struct agent_runner *runner; /* not owned */
    struct arena arena;
    struct context context;
    struct run_step *steps;
    uint32_t current; /* index of the step that is taken */
    bool detour;      /* `current` stands in for `stands_for` (on_error: { step: }) */
    uint32_t stands_for;
    enum run_need need;
    int64_t wait_ms;
    int64_t ask_deadline_ns; /* of the step whose agent asks jq; 0: of none */
    struct agent_call call;
    const char *folder; /* its own, where one was made; in the arena. Each call has one in it */
    uint32_t call_folders;
    struct run_blobs blobs; /* its `blobs` is set by whoever makes the run, where there are any */
    struct timer *timer;    /* owned; made when first needed */
    int64_t began_ns;
    int64_t offline_since_ns;  /* 0: it does not wait for a link */
    int64_t offline_before_ns; /* how long it had waited when an earlier process ended */

    enum run_outcome outcome;
    status code;        /* of a failure */
    struct slice error; /* its sentence */
    struct slice failed_step;
    struct record_draft *records; /* room for every result, for what stays here of it, and for a
                                     report of every step */
    uint32_t record_count;
    struct limited *limited; /* room for every result */
    uint32_t limited_count;
    struct state_write *states; /* what steps remember, and is written with the end; and limits */
    uint32_t state_count;
    bool leaves_late; /* what it leaves is the next one's only when its end is on disk */

    bool kept;    /* the store has a row of it */
    bool parked;  /* waits for a person */
    bool writing; /* in line, and its row is being written: its turn is not yet */
    bool traced;  /* steps remember their `with` */
    int recoveries;
    enum run_state recovered_state; /* as an earlier process left it */
    struct store_job store_job;     /* its row or its end: one at a time */
    struct store_job step_job;      /* a step's row, in the same commit */
    struct buffer event_json, step_json;
    void (*then)(struct run *run); /* what the journal calls when it is written */
    struct run *next;              /* of whoever gathers them */
    struct run *slot_next;         /* of its slot's list */
    struct run **slot_place;       /* what points at it there; NULL: in no list */
};

/* Takes the event (also on failure: then it was destroyed) and shares the version. */
status run_create(struct version *version, struct event *event, const struct value *device,
                  struct run **out_run, struct error *err);
void run_destroy(struct run *run);

/* Removes its folder, where there is one. Blocks. */
void run_leave_folder(struct run *run);

/* The run id of an event: of workflow and event id where the source is the journal, else random. */
struct id run_id_for(const struct workflow *workflow, const struct event *event);

const struct step *run_current(const struct run *run);

/* Adds a step's output to what expressions see. */
void run_give(struct run *run, uint32_t index, struct value output);

/* Keeps a sentence in the run's arena. */
struct slice run_keep_text(struct run *run, const char *text);

/* The bytes as a C string in the run's arena; "" when there is no room. */
const char *run_keep(struct run *run, struct slice bytes);

/* How long it may still take: INT64_MAX without a `deadline:`, below 0 when that has passed. */
int64_t run_left_ms(const struct run *run);

/* Ends it without results: a failure record stands for them. */
void run_fail(struct run *run, enum run_outcome outcome, const struct error *err);

/* Evaluates the results and writes their records, or the failure's; sets NEED_END. On a worker. */
void run_conclude(struct run *run);

/* Takes over what an earlier process kept of it. */
status run_resume(struct run *run, const struct kept_run *kept, struct error *err);
