/*
 * tick: the event of a trigger that goes by time, and the one such event that waits for room.
 *
 * A moment that comes while the queue is full waits: at most one does, the newest; those before it
 * are missed. What was missed is never made up: the next event says how many (`.event.missed`).
 * When moments come is the business of interval_feed and cron_feed.
 *
 * Thread: loop. Survives: nothing by itself; under `runs: each` the event is kept with its run.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/triggers/feed.h"

enum { TICK_TEXT_BYTES = 64 };

struct tick {
    bool waits;               /* a moment has come and is not an event yet */
    int64_t due_ms;           /* which: by the wall clock */
    uint64_t missed;          /* moments without an event since the last event */
    const char *local, *zone; /* of the moment, for cron; NULL: the event has none. Not owned */
};

/* A moment has come: it waits in place of an older one, which is missed. */
void tick_come(struct tick *tick, int64_t due_ms);

/* Offers what waits when there is room. false: there was no memory, and it still waits. */
bool tick_offer(struct tick *tick, const struct feed *feed, struct slice source);
