/*
 * event: what a trigger delivers: id, source, type, time with its quality, key, data or text.
 *
 * An event owns its arena; it is made by a trigger on the loop, handed to the orchestrator, and goes with its run. `settle` is called exactly once,
 * on the loop, when the source may forget it (stdin: the next line may come; watch: the file may be deleted).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/clock.h"

enum { EVENT_TEXT_BYTES_MAX = 1 << 20, EVENT_BYTES_MAX = 3 << 20 };

enum event_outcome {
    EVENT_STORED,   /* its run ended and that is durable */
    EVENT_KEPT,     /* its run row is durable: the source may forget it */
    EVENT_DROPPED,  /* by the queue's policy, counted */
    EVENT_REFUSED   /* the store failed or the daemon stops: the source keeps it */
};

struct event {
    struct arena arena;
    struct slice id;       /* identity, empty when the source has none */
    struct slice source;
    struct slice type;
    struct moment arrived;
    struct value value;    /* the whole event as expressions see it */
    bool repeatable;       /* the source is the journal: it can give the event again */
    uint64_t seen_hash;    /* of source and id; 0 when the source has no ids */
    void (*settle)(struct event *event, enum event_outcome outcome);
    void *trigger;         /* the trigger's */
    struct event *next;
};
