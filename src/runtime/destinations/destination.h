/*
 * destination: sends results to one place besides the hub, from a cursor of its own in each lane.
 *
 *     idle --a result is due--> reading --some are--> sending --all arrived--> moving --> reading
 *      ^                           |                     | one did not
 *      +------- none is -----------+                     v
 *                     waiting <-- giving up what is too old, in all lanes <-- moving up to it
 *
 * Results are sent in the order of their lane, urgent lanes first, a batch of one lane at a time,
 * and the cursor moves when they have arrived: after a crash a batch may be sent again, with the
 * same id, and none is left out. A failure is tried again after 1 s, doubling to 5 min, with some
 * chance in it so that many devices do not come at once. What is older than `give_up` when an
 * attempt fails is given up, and missed by this destination alone (storage/cursors).
 *
 * Thread: loop. Survives: the store's cursors; waits begin anew after a restart.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "carriers/carrier.h"
#include "storage/store.h"
#include "wire/device.h"

enum {
    DESTINATION_RETRY_MS_LEAST = 1000,
    DESTINATION_RETRY_MS_MOST = 5 * 60 * 1000,
    DESTINATION_ASKED_MS_MOST = 60 * 60 * 1000
};

struct destination_options {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    struct store *store;
    const struct device_destination *settings;
    uint64_t bit; /* the store's, of its name */
};

struct destination;

const struct carrier_kind *destination_kind(const struct device_destination *settings);

/* Looks for what is due from the first turn on. */
status destination_create(const struct destination_options *options,
                          struct destination **out_destination, struct error *err);

/* Nothing is sent from now on; what was sent and is not known to have arrived is sent again by the
 * next process. */
void destination_stop(struct destination *destination);

/* When the pool and the store have ended. NULL is fine. */
void destination_destroy(struct destination *destination);

/* A result for it stands in the lane. */
void destination_note(struct destination *destination, enum lane lane);

/* What is known of it since the daemon began. */
struct destination_facts {
    const struct device_destination *settings;
    const char *kind;
    uint64_t arrived;
    int64_t success_ms, failure_ms; /* wall clock; 0: none yet */
    int64_t retry_ms;               /* wall clock: when it is tried again; 0: it does not wait */
    bool failing;                   /* the last attempt was one */
    const char *failure;            /* the last one's sentence */
};
void destination_facts(const struct destination *destination, struct destination_facts *out_facts);
