/*
 * agent: one capability with a name and a version, behind the one face that all agents have.
 *
 * A kind (text, jq, process ...) is a table of functions and a row in agents/catalog.c. An agent
 * that computes runs on a worker and has its answer when `run` returns; one that waits runs on the
 * loop and calls `done` later. What an agent may not do: keep state between calls (state is the
 * run's), outlive its deadline, touch the store.
 *
 * Thread: open and close on the loop; run as `place` says. Several runs at once when `place` is a
 * worker.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent_manifest.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/loop.h"
#include "wire/expression.h"

struct agent; /* an opened one; each kind has its own */

enum {
    AGENT_STATE_BYTES_DEFAULT = 64 << 10, /* of one key, unless the manifest's output says `max` */
    AGENT_STATE_BYTES_MAX = 256 << 10
};

enum agent_place { AGENT_ON_WORKER, AGENT_ON_LOOP };

struct agent_call {
    struct value with;  /* checked against the manifest's inputs, defaults put in */
    bool keyed;         /* the step has `state`: what follows is its key's */
    struct value state; /* what the call before it left in state_out; null: nothing */
    const char *step;   /* for messages */
    const char *workflow;
    struct id key; /* idempotency key: of run and step, the same after any number of crashes */
    struct id run;
    int attempt;             /* from 1 */
    bool once;               /* the step is `repeat: never`: nothing on the way may do it twice */
    int64_t deadline_ns;     /* CLOCK_BOOTTIME; past it the call ends with TIMEOUT */
    const char *run_folder;  /* of files that go in and come back (agents/blob_files); NULL: none */
    struct context *context; /* for jq: how to ask the jq child; its arena is the call's */
    struct arena *arena;     /* outputs go here; touched by nobody else during the call */

    struct value out;       /* set when error.code is OK, as is the next */
    struct value state_out; /* what the next call of this key is given; null: the same again */
    struct error error;
    int64_t retry_after_ms; /* set with an error: not before so long another attempt is worth it */
    /* AGENT_ON_LOOP alone: called once, on the loop, never inside run, cancel or close. */
    void (*done)(struct agent_call *call);
    void *owner;
    void *agent_private;     /* the agent's during the call */
    struct agent_call *next; /* the agent's during the call */
};

struct agent_stats {
    uint64_t calls, failures, restarts, late_answers; /* late: after the call had ended; dropped */
    int64_t last_ns, total_ns;
    uint64_t inferences; /* of a model, with how long it computed; 0: it is none */
    int64_t inference_last_ns, inference_total_ns;
    int64_t model_bytes; /* by which the process grew when the model was opened */
    bool compiled;       /* it was opened as it had been compiled before */
    bool broken; /* ended too often: until `ebb apply` or a person. This, `restarts`, `late_answers`
                    and what is about models are the kind's to know: catalog_stats asks it */
};

/* The numbers of the guide's get_resource_requirements. */
struct agent_requirements {
    double model_size_mb, min_memory_mb, recommended_memory_mb;
    bool supports_gpu, offline_capable;
};

struct agent_kind {
    const char *name; /* the manifest's `kind:` */
    enum agent_place place;
    bool takes_files; /* blobs go in as files of the run's folder, and come back so */
    /* Whether it would open here, for `ebb check`; nothing is left open. NULL: the manifest said
     * all that there is to say. */
    status (*check)(const struct agent_manifest *manifest, struct error *err);
    /* Loads what the manifest names. INVALID or CORRUPT with a sentence when that is no use. Who
     * opens keeps the manifest for as long as the agent is open. */
    status (*open)(struct loop *loop, const struct agent_manifest *manifest,
                   struct agent **out_agent, struct error *err);
    void (*run)(struct agent *agent, struct agent_call *call);
    /* AGENT_ON_LOOP: ends the call as soon as it can, with the error that stands in call->error,
     * or TIMEOUT when none does (the runner's deadline has passed, or the daemon stops). `done`
     * comes on a later turn of the loop; a call that has ended already is left alone. */
    void (*cancel)(struct agent *agent, struct agent_call *call);
    /* AGENT_ON_WORKER: from now on calls end as soon as they can, with TIMEOUT: the daemon stops
     * and has waited long enough. On the loop. NULL: a call takes no time worth ending. */
    void (*hurry)(struct agent *agent);
    /* Calls that are under way are forgotten: no `done` comes, what they point to may be gone. None
     * may be on a worker. What it leaves on the loop (a process that was told to end) is gone when
     * loop_run returns by itself, which is to be waited for before the loop is destroyed. NULL is
     * fine. */
    void (*close)(struct agent *agent);
    void (*requirements)(const struct agent *agent, struct agent_requirements *out_requirements);
    /* Writes what of the stats is the kind's to know; NULL: nothing of it. */
    void (*health)(const struct agent *agent, struct agent_stats *stats);
    /* Calls `each` for every number that the agent reports of itself; NULL: it reports none. */
    void (*metrics)(const struct agent *agent,
                    void (*each)(void *owner, const char *name, double number), void *owner);
    void (*mend)(struct agent *agent); /* it is broken no more; NULL: it never is */
};

/* What an agent is handed that knows one object alone: `with`, and in a keyed call the state as its
 * field `state`, where there is one. FULL. */
status agent_whole_input(const struct agent_call *call, struct value *out_input, struct error *err);

/* Takes `value` as the call's output when it is an object as the manifest's outputs want it, with
 * defaults put in, and blobs in place of files where the call has a folder; else INVALID in
 * call->error. In a keyed call its field `state` is the state and no output. */
status agent_take_output(const struct agent_manifest *manifest, struct agent_call *call,
                         struct value value);

/* How many bytes of JSON the state of one key may have. */
size_t agent_state_bytes_max(const struct agent_manifest *manifest);

/* What can be said without opening it, as the guide says it: the model's size, twice and four times
 * that in memory; or what the manifest says under `needs` and `limits`. */
void agent_requirements_of(const struct agent_manifest *manifest,
                           struct agent_requirements *out_requirements);
