// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/feed.h"

#include <assert.h>

static const struct feed_kind *const KINDS[] = {
    [TRIGGER_STDIN] = &STDIN_FEED,       [TRIGGER_WATCH] = &WATCH_FEED,
    [TRIGGER_INTERVAL] = &INTERVAL_FEED, [TRIGGER_CRON] = &CRON_FEED,
    [TRIGGER_HTTP] = &HTTP_FEED,
};

status feed_open(const struct trigger *trigger, const struct feed_door *door,
                 struct feed **out_feed, struct error *err) {
    struct feed_door own = *door;
    assert(trigger->kind != TRIGGER_SOURCE); /* what runs is bound */
    own.trigger = trigger;
    return KINDS[trigger->kind]->open(trigger, &own, out_feed, err);
}

/* Of sources that look at their own ids, by themselves. */
static bool is_known(const struct feed_door *door, const struct event *event) {
    return door->trigger->event.id != NULL && event->seen_hash != 0 &&
           (door->seen(door->owner, event->source, event->seen_hash) ||
            door->under_way(door->owner, event->seen_hash));
}

bool feed_give(const struct feed *feed, struct event *event) {
    const struct feed_door *door = &feed->door;
    struct error err;
    const status shaped = event_shape(door->trigger, &door->scope, event, &err);
    if (shaped == STATUS_NO_MEMORY || (shaped == STATUS_OK && is_known(door, event))) {
        event_destroy(event);
        return shaped == STATUS_OK;
    }
    if (shaped == STATUS_OK) {
        door->offer(door->owner, event);
    } else {
        door->unfit(door->owner, door->trigger, event, &err);
    }
    return true;
}

void feed_resume(struct feed *feed) {
    feed->kind->resume(feed);
}

void feed_close(struct feed *feed) {
    if (feed != NULL) {
        feed->kind->close(feed);
    }
}
