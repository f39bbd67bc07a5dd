// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/tick.h"

void tick_come(struct tick *tick, int64_t due_ms) {
    tick->missed += tick->waits ? 1 : 0;
    tick->waits = true;
    tick->due_ms = due_ms;
}

static struct value text_value(struct event *event, const char *text) {
    return text == NULL ? (struct value){0}
                        : value_of_text(arena_copy(&event->arena, slice_of(text)));
}

static status fill(const struct tick *tick, struct slice source, struct event *event,
                   struct error *err) {
    event->source = source;
    event->type = SLICE("tick");
    event->arrived = clock_now();
    event->boot = clock_boot_id();
    event->time = event->arrived;
    event->time.wall_ms = tick->due_ms;
    const struct event_extra extras[] = {
        {.name = "missed", .value = value_of_integer((int64_t)tick->missed)},
        {.name = "local", .value = text_value(event, tick->local)},
        {.name = "zone", .value = text_value(event, tick->zone)},
    };
    return event_seal(event, extras, sizeof(extras) / sizeof(extras[0]), err);
}

bool tick_offer(struct tick *tick, const struct feed *feed, struct slice source) {
    if (!tick->waits || feed->door.room(feed->door.owner) == 0) {
        return true;
    }
    struct event *event = event_new();
    if (event == NULL || fill(tick, source, event, NULL) != STATUS_OK) {
        event_destroy(event);
        return false;
    }
    const uint64_t missed = tick->missed;
    tick->waits = false; /* before it is given: a run that ends at once comes back for more */
    tick->missed = 0;
    if (!feed_give(feed, event)) {
        tick->waits = true;
        tick->missed = missed;
    }
    return !tick->waits;
}
