// SPDX-License-Identifier: Apache-2.0
/*
 * cron_feed: an event at each moment of a schedule, by the wall clock in a time zone.
 *
 * 1. A clock that is not believed (platform/clock) gives nothing: the trigger waits, and says so.
 * 2. A moment that is more than LATE_MS past when it is looked at is missed (the machine slept, the
 *    clock was put forward) and is not made up.
 * 3. A clock that is put back by less than BACK_MS gives no moment again; by more, it was wrong
 *    before, and the schedule begins anew at what it shows now.
 *
 * The clock may be set at any time, so it is looked at every LOOK_MS.
 */
#include "base/memory.h"
#include "runtime/triggers/tick.h"

enum {
    LOOK_MS = 10 * 1000,
    MEMORY_PAUSE_MS = 50,
    LATE_MS = 60 * 1000,
    BACK_MS = 3 * 3600 * 1000,
    MISSED_MOST = 10000, /* counted no further: as many looks at a calendar take milliseconds */
    ZONE_BYTES_MAX = 1 << 20
};

struct cron_feed {
    struct feed feed;              /* first */
    const struct trigger *trigger; /* the workflow's, which outlives the feed */
    struct arena arena;            /* of the zone */
    const struct zone *zone;
    char zone_name[ZONE_NAME_BYTES_MAX + 1]; /* empty: the system's */
    struct timer *timer;
    struct tick tick;
    char local[TIME_TEXT_BYTES]; /* of the tick that waits */
    bool waits;                  /* for a clock that is believed */
    int64_t seen_ms;             /* the wall clock at the last look; 0: not looked yet */
    int64_t next_ms;             /* INT64_MAX: never again */
};

static int64_t next_after(const struct cron_feed *cron, int64_t after_ms) {
    int64_t next_ms = INT64_MAX;
    (void)schedule_next(&cron->trigger->schedule, cron->zone, after_ms, &next_ms);
    return next_ms;
}

static void say(const struct cron_feed *cron, const char *words, const char *moment) {
    struct error sentence;
    const struct slice text = cron->trigger->cron;
    (void)fail(&sentence, STATUS_BUSY, "%s %s", words, moment);
    (void)fail_while(&sentence, "cron `%.*s`", (int)(text.count < 64 ? text.count : 64),
                     text.bytes);
    if (cron->feed.door.said != NULL) {
        cron->feed.door.said(cron->feed.door.owner, sentence.text);
    }
}

static void wait_for_clock(struct cron_feed *cron, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    if (!cron->waits) {
        time_write(wall_ms, text);
        say(cron, "waits until the clock is set: before all that this device knows of, it shows",
            text);
    }
    cron->waits = true;
    cron->seen_ms = 0;
}

static void begin_anew(struct cron_feed *cron, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    const bool told = cron->waits || cron->seen_ms != 0;
    cron->waits = false;
    cron->next_ms = next_after(cron, wall_ms);
    if (told && cron->next_ms != INT64_MAX) {
        zone_write_local(cron->zone, cron->next_ms, text);
        say(cron, "the clock was set, goes on at", text);
    }
}

/* Steps over all moments up to now; the newest becomes an event, if it is not too late for it. */
static void take_moments(struct cron_feed *cron, int64_t wall_ms) {
    int64_t due_ms = cron->next_ms;
    int passed = 0;
    for (; cron->next_ms <= wall_ms && passed < MISSED_MOST; passed++) {
        due_ms = cron->next_ms;
        cron->next_ms = next_after(cron, due_ms);
    }
    if (cron->next_ms <= wall_ms) {
        cron->next_ms = next_after(cron, wall_ms);
    }
    if (wall_ms - due_ms > LATE_MS) {
        cron->tick.missed += (uint64_t)passed;
        return;
    }
    cron->tick.missed += (uint64_t)(passed - 1);
    zone_write_local(cron->zone, due_ms, cron->local);
    tick_come(&cron->tick, due_ms);
}

static void look(struct cron_feed *cron) {
    const struct moment now = clock_now();
    if (now.quality == CLOCK_BAD) {
        wait_for_clock(cron, now.wall_ms);
        return;
    }
    if (cron->seen_ms == 0 || now.wall_ms < cron->seen_ms - BACK_MS) {
        begin_anew(cron, now.wall_ms);
    }
    /* The highest of a clock that is put back a little: what was given is not given again. */
    cron->seen_ms = now.wall_ms > cron->seen_ms || now.wall_ms < cron->seen_ms - BACK_MS
                        ? now.wall_ms
                        : cron->seen_ms;
    if (cron->next_ms <= now.wall_ms) {
        take_moments(cron, now.wall_ms);
    }
}

static void set_timer(struct cron_feed *cron) {
    int64_t after_ms = LOOK_MS;
    if (!cron->waits && cron->next_ms - LOOK_MS < clock_wall_ms()) {
        after_ms = cron->next_ms - clock_wall_ms();
    }
    timer_set(cron->timer, after_ms);
}

static void offer(struct cron_feed *cron) {
    if (!tick_offer(&cron->tick, &cron->feed, cron->trigger->source)) {
        timer_set(cron->timer, MEMORY_PAUSE_MS);
    }
}

static void ring(void *owner) {
    struct cron_feed *cron = owner;
    look(cron);
    set_timer(cron);
    offer(cron); /* last: a run that ends at once may come back for more */
}

static void cron_resume(struct feed *feed) {
    offer((struct cron_feed *)feed);
}

static void cron_close(struct feed *feed) {
    struct cron_feed *cron = (struct cron_feed *)feed;
    timer_close(cron->timer);
    arena_done(&cron->arena);
    memory_free(cron);
}

/* What the workflow says, else the device, else the system. */
static status open_zone(struct cron_feed *cron, struct error *err) {
    const struct slice own = cron->trigger->time_zone;
    const struct slice name = own.count > 0 ? own : cron->feed.door.time_zone;
    if (zone_open(&cron->arena, name, &cron->zone, err) != STATUS_OK) {
        return fail_while(err, "time zone '%.*s'%s", SLICE_ARGS(slice_part(name, 0, 64)),
                          own.count > 0 ? "" : " of the device");
    }
    const size_t count = name.count < ZONE_NAME_BYTES_MAX ? name.count : ZONE_NAME_BYTES_MAX;
    for (size_t i = 0; i < count; i++) {
        cron->zone_name[i] = name.bytes[i];
    }
    return STATUS_OK;
}

static status cron_open(const struct trigger *trigger, const struct feed_door *door,
                        struct feed **out_feed, struct error *err) {
    struct cron_feed *cron = memory_new(1, sizeof(*cron));
    if (cron == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a schedule");
    }
    *cron = (struct cron_feed){
        .feed = {.kind = &CRON_FEED, .door = *door}, .trigger = trigger, .next_ms = INT64_MAX};
    arena_init(&cron->arena, ZONE_BYTES_MAX);
    status code = open_zone(cron, err);
    if (code == STATUS_OK) {
        code = timer_open(door->loop, ring, cron, &cron->timer, err);
    }
    if (code != STATUS_OK) {
        cron_close(&cron->feed);
        return fail_while(err, "keep a schedule");
    }
    cron->tick.local = cron->local;
    cron->tick.zone = cron->zone_name[0] != '\0' ? cron->zone_name : NULL;
    look(cron);
    set_timer(cron);
    *out_feed = &cron->feed;
    return STATUS_OK;
}

const struct feed_kind CRON_FEED = {
    .open = cron_open,
    .resume = cron_resume,
    .close = cron_close,
};
