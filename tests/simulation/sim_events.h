/*
 * sim_events: a clock that nobody waits for: time goes to where the next thing happens.
 *
 * What happens at one moment happens in the order in which it was planned. Who plans a thing and
 * may have forgotten it by then puts a count into `what` and compares. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef void sim_happen(void *owner, uint64_t what);

struct sim_event {
    int64_t at_us;
    uint64_t order;
    sim_happen *happen;
    void *owner;
    uint64_t what;
};

struct sim_events {
    int64_t now_us;
    uint64_t order;
    struct sim_event *heap; /* owned; the next is the first */
    int count, room;
};

void sim_events_done(struct sim_events *events);

/* Plans that `happen(owner, what)` is called so many microseconds from now. */
void sim_after(struct sim_events *events, int64_t delay_us, sim_happen *happen, void *owner,
               uint64_t what);

/* Goes on to the next thing and lets it happen; false: nothing is planned any more. */
bool sim_step(struct sim_events *events);
