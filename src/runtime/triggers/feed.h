/*
 * feed: a trigger of a workflow at work: it makes events and offers them while there is room.
 *
 * Each kind is a table of functions and a row in feed.c. A feed asks `room` before it makes an
 * event, so a full queue slows the source; `resume` tells it that there is room again.
 *
 * Thread: loop; reading files is a worker's. Survives: what a source can give again, it offers
 * again after a restart, unless it is marked as seen.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "platform/loop.h"
#include "platform/worker.h"
#include "runtime/triggers/event_shape.h"
#include "wire/workflow.h"

/* What a feed sees of its workflow. */
struct feed_door {
    void *owner;
    struct loop *loop;
    struct pool *pool;
    const char *folder;       /* relative paths start here */
    struct slice time_zone;   /* the device's; empty: the system's. Lives as long as the feed */
    struct shape_scope scope; /* lives as long as the feed */
    const struct trigger *trigger; /* set by feed_open */
    /* How many more events may be offered now. */
    uint32_t (*room)(void *owner);
    /* Takes the event, always. */
    void (*offer)(void *owner, struct event *event);
    /* Takes an event that does not fit what its trigger says, always, and does with it what the
     * trigger says. */
    void (*unfit)(void *owner, const struct trigger *trigger, struct event *event,
                  const struct error *err);
    /* True when an event of this hash was seen: its run ended, and that is durable. */
    bool (*seen)(void *owner, struct slice source, uint64_t hash);
    /* True when it is queued, running or parked. */
    bool (*under_way)(void *owner, uint64_t hash);
    /* True when it is under way and its source was told so: on disk, where runs are. */
    bool (*kept)(void *owner, uint64_t hash);
    /* Forget the marks that differ from `hash` in the bits of `mask` alone: what they stand for is
     * gone. */
    void (*forget)(void *owner, struct slice source, uint64_t hash, uint64_t mask);
    /* Something that came was no event: counted, said once here. */
    void (*refused)(void *owner, const struct error *err);
    /* A sentence for people, in the log. NULL: nobody listens. */
    void (*said)(void *owner, const char *sentence);
    /* It will offer nothing more. */
    void (*ended)(void *owner);
};

struct feed; /* each kind has its own, with this first: */

struct feed_kind {
    status (*open)(const struct trigger *trigger, const struct feed_door *door,
                   struct feed **out_feed, struct error *err);
    void (*resume)(struct feed *feed);
    void (*close)(struct feed *feed); /* offers nothing more; events under way may still settle */
};

struct feed {
    const struct feed_kind *kind;
    struct feed_door door;
};

status feed_open(const struct trigger *trigger, const struct feed_door *door,
                 struct feed **out_feed, struct error *err);
void feed_resume(struct feed *feed);
void feed_close(struct feed *feed);

/* For the kinds: does with a sealed event what its trigger says of it, and offers it. One that its
 * `event: { id: }` makes known is destroyed. false: there was no memory, and it was destroyed. */
bool feed_give(const struct feed *feed, struct event *event);

extern const struct feed_kind STDIN_FEED;
extern const struct feed_kind WATCH_FEED;
extern const struct feed_kind INTERVAL_FEED;
extern const struct feed_kind CRON_FEED;
extern const struct feed_kind HTTP_FEED;
