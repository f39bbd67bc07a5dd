/*
 * run_limits: which results of a run are within their limit, and how many were held back before.
 *
 * A limit lets so many results through in a span, evenly: each that passes moves the moment from
 * which on there is room again. That moment and the number of those held back are kept like the
 * state of a step, so that they outlive a restart; what was held back in the last seconds before a
 * power cut may be missing in the next one's `held`.
 *
 * Thread: run_limits_note the run's, run_limits_apply loop: runs change a limit one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/run.h"
#include "runtime/slot_states.h"

/* The run's newest record is a result of this rule. INVALID when `by` gives no key. */
status run_limits_note(struct run *run, const struct result_rule *rule, struct error *err);

/* Takes out the records that are held back, and tells the others of those before them. */
void run_limits_apply(struct run *run);

/* A result that was held back and comes when there is room (`over: last`). */
struct late {
    int64_t due_ns;        /* CLOCK_BOOTTIME */
    struct id run;         /* which made it */
    struct slice key;      /* the record's; empty: none */
    struct slice body;     /* with `held`: how many were held back before it */
    struct slice aside;    /* its private fields; empty: none */
    struct state_put turn; /* where its limit stands when it is sent now */
};

/* What waits, by what is kept of a limit for a key; all is in the arena but the key. false: nothing
 * does. */
bool run_limits_late(const struct workflow *workflow, const struct limit *limit, struct slice key,
                     struct slice kept, struct arena *arena, struct late *out_late);

/* How long after it is of no more use a limit is kept, for who loads it. */
int64_t run_limits_ttl_ms(const struct limit *limit);
