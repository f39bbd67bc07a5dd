/*
 * watchdog: deadlines of what workers do, kept by the loop.
 *
 * A worker says before it begins something long what it is and until when it may take, and says
 * again when it has ended. What has not ended by then is told on the loop, which can make it end.
 * Nothing wakes the loop but a deadline that comes before all others, so steady work costs a lock
 * twice.
 *
 * Thread: created and destroyed on the loop; begin and end on any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/loop.h"

struct watchdog;

/* Something under way; the caller's memory, in no other list. */
struct watched {
    void *thing;                   /* not owned */
    int64_t deadline_ns;           /* CLOCK_BOOTTIME */
    struct watched *next, **place; /* the watchdog's */
};

/* `late(thing)` is called on the loop, once at most for each; after watchdog_hurry also from within
 * watchdog_begin. It must be short and must not come back here. */
status watchdog_create(struct loop *loop, void (*late)(void *thing), struct watchdog **out_dog,
                       struct error *err);

/* Nothing may be under way. NULL is fine. */
void watchdog_destroy(struct watchdog *dog);

void watchdog_begin(struct watchdog *dog, struct watched *watched);

/* After this `late` is not called for it any more, nor is such a call under way. */
void watchdog_end(struct watchdog *dog, struct watched *watched);

/* From now on everything is late, what is under way and what begins: for who is about to end. */
void watchdog_hurry(struct watchdog *dog);
