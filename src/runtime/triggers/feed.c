// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/feed.h"

static const struct feed_kind *const KINDS[] = {
    [TRIGGER_STDIN] = &STDIN_FEED,       [TRIGGER_WATCH] = &WATCH_FEED,
    [TRIGGER_INTERVAL] = &INTERVAL_FEED, [TRIGGER_CRON] = &CRON_FEED,
    [TRIGGER_HTTP] = &HTTP_FEED,
};

status feed_open(const struct trigger *trigger, const struct feed_door *door,
                 struct feed **out_feed, struct error *err) {
    return KINDS[trigger->kind]->open(trigger, door, out_feed, err);
}

void feed_resume(struct feed *feed) {
    feed->kind->resume(feed);
}

void feed_close(struct feed *feed) {
    if (feed != NULL) {
        feed->kind->close(feed);
    }
}
