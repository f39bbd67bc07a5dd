// SPDX-License-Identifier: Apache-2.0
/*
 * interval_feed: an event each time a span has passed, counted from when the workflow was started.
 *
 * It goes by CLOCK_BOOTTIME: a wall clock that is set, or is wrong, changes nothing, and the time
 * in which the machine slept counts. Timers of the loop stand still in suspend, so none is set for
 * longer than LOOK_MS. Moments lie on a grid: one that is late does not delay those after it.
 */
#include "base/memory.h"
#include "runtime/triggers/tick.h"

enum { LOOK_MS = 10 * 1000, MEMORY_PAUSE_MS = 50 };

struct interval_feed {
    struct feed feed;              /* first */
    const struct trigger *trigger; /* the workflow's, which outlives the feed */
    struct timer *timer;
    struct tick tick;
    int64_t next_ns; /* CLOCK_BOOTTIME */
};

static void set_timer(struct interval_feed *interval) {
    const int64_t left_ms = (interval->next_ns - clock_boot_ns() + 999999) / 1000000;
    timer_set(interval->timer, left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

static void offer(struct interval_feed *interval) {
    if (!tick_offer(&interval->tick, &interval->feed, interval->trigger->source)) {
        timer_set(interval->timer, MEMORY_PAUSE_MS);
    }
}

static void ring(void *owner) {
    struct interval_feed *interval = owner;
    const int64_t now_ns = clock_boot_ns();
    set_timer(interval);
    if (now_ns >= interval->next_ns) {
        const int64_t span_ns = interval->trigger->interval_ms * 1000000;
        const int64_t behind = (now_ns - interval->next_ns) / span_ns;
        const int64_t due_ns = interval->next_ns + behind * span_ns;
        interval->tick.missed += (uint64_t)behind;
        interval->next_ns = due_ns + span_ns;
        set_timer(interval);
        tick_come(&interval->tick, clock_wall_ms() - (now_ns - due_ns) / 1000000);
    }
    offer(interval); /* last: a run that ends at once may come back for more */
}

static void interval_resume(struct feed *feed) {
    offer((struct interval_feed *)feed);
}

static void interval_close(struct feed *feed) {
    struct interval_feed *interval = (struct interval_feed *)feed;
    timer_close(interval->timer);
    memory_free(interval);
}

static status interval_open(const struct trigger *trigger, const struct feed_door *door,
                            struct feed **out_feed, struct error *err) {
    struct interval_feed *interval = memory_new(1, sizeof(*interval));
    if (interval == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for an interval");
    }
    *interval =
        (struct interval_feed){.feed = {.kind = &INTERVAL_FEED, .door = *door}, .trigger = trigger};
    if (timer_open(door->loop, ring, interval, &interval->timer, err) != STATUS_OK) {
        interval_close(&interval->feed);
        return fail_while(err, "keep an interval");
    }
    interval->next_ns = clock_boot_ns() + trigger->interval_ms * 1000000;
    set_timer(interval);
    *out_feed = &interval->feed;
    return STATUS_OK;
}

const struct feed_kind INTERVAL_FEED = {
    .open = interval_open,
    .resume = interval_resume,
    .close = interval_close,
};
