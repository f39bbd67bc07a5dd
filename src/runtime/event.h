/*
 * event: what a trigger delivers: id, source, type, time with its quality, data or text.
 *
 * An event owns its arena; a trigger makes it, hands it to the orchestrator, and it goes with its
 * run. `settle` is called exactly once, on the loop, when the source may forget the event.
 *
 * Thread: one owner at a time. Survives: only when its run was kept (runtime/journal).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "base/value.h"
#include "platform/clock.h"

enum {
    EVENT_TEXT_BYTES_MAX = 1 << 20, /* longer text is cut and marked */
    EVENT_BYTES_MAX = 8 << 20,      /* all that an event may hold in memory */
    EVENT_EXTRAS_MAX = 8
};

enum event_outcome {
    EVENT_STORED,  /* its run ended, and that is durable */
    EVENT_KEPT,    /* its run is kept: the source may forget it */
    EVENT_ASIDE,   /* it does not fit, and is kept aside */
    EVENT_DROPPED, /* by the queue's policy, counted */
    EVENT_REFUSED  /* the daemon stops, or has no memory: the source keeps it */
};

/* What tells the events of a workflow apart that takes one of a key at a time. */
struct event_key {
    struct slice text; /* in the event's arena */
    uint64_t hash;     /* 0: it has none */
};

struct event {
    struct arena arena;
    struct slice id;     /* identity, empty when the source has none */
    struct slice source; /* name of the source */
    struct slice type;
    struct slice key;      /* what it is about, as the workflow says; empty: nothing is said */
    struct slice unfit;    /* why it does not fit what its trigger says; empty: it does */
    struct moment time;    /* when it happened, as far as is known */
    struct moment arrived; /* boot_ns is comparable only within `boot` */
    struct id boot;
    struct value value; /* the whole event, as expressions see it */
    bool repeatable;    /* the source is the journal: it can give the event again */
    uint64_t seen_hash; /* of source and id; 0 when there is no id */
    uint64_t seen_mask; /* its bits that tell versions of one thing apart; 0: none do */
    void (*settle)(struct event *event, enum event_outcome outcome); /* NULL: nobody waits */
    void *trigger;                                                   /* the trigger's, for settle */
    struct event_key order; /* as the version numbered `keyed_by` of its slot tells events apart */
    uint32_t keyed_by;      /* 0: none has yet */
    struct event *next;     /* of whoever owns it */
};

/* What a kind of source adds beside the common members: `data`, `text`, `path` ... */
struct event_extra {
    const char *name;
    struct value value; /* in the event's arena */
};

/* An empty event with its arena; NULL when there is no memory. */
struct event *event_new(void);

/* One that nobody has settled is refused. NULL is fine. */
void event_destroy(struct event *event);

/* Sets the common members from id, source, type, time and arrived (now, when its boot_ns is 0),
 * and the extras behind them. Slices are kept, not copied: they live in the event's arena. */
status event_seal(struct event *event, const struct event_extra *extras, uint32_t count,
                  struct error *err);

/* Seals it again after id, time or key were set: members that came stay, but for those of `more`,
 * which stand behind them. */
status event_reseal(struct event *event, const struct member *more, uint32_t count,
                    struct error *err);

/* The hash of source and id; 0 when there is no id. */
uint64_t event_hash(const struct event *event);

/* The event as JSON, to be kept with its run, and back. */
status event_write(const struct event *event, struct buffer *out, struct error *err);
status event_read(struct slice json, struct event **out_event, struct error *err);

/* How long ago it happened, by the worst case when the clock does not tell: INT64_MAX then. */
int64_t event_age_ms(const struct event *event);

/* How long ago it arrived here, as far as the clocks tell: 0 where they do not. */
int64_t event_known_age_ms(const struct event *event);

/* Calls settle, once. */
void event_settle(struct event *event, enum event_outcome outcome);
