// SPDX-License-Identifier: Apache-2.0
#include "sync/scheduler.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { CREDIT_BYTES = 16 << 10, WINDOW_SPANS = SCHEDULER_WINDOW_SLOTS - 1 };

static const int64_t HOUR_MS = 60 * 60 * 1000;
static const int64_t DAY_MS = 24 * 60 * 60 * 1000;
static const int64_t SLOT_BYTES_MAX = INT64_C(1) << 53;
static const int64_t TIME_MS_MAX = INT64_C(1) << 53;

static const int64_t WEIGHTS[SYNC_LANES] = {
    [LANE_HIGH] = 16, [LANE_NORMAL] = 8, [LANE_LOW] = 2, [LANE_TELEMETRY] = 4, [LANE_BULK] = 1};

/* --- windows --------------------------------------------------------------------------------- */

static int64_t slot_of(int64_t now_ms, int64_t span_ms) {
    return now_ms / (span_ms / WINDOW_SPANS);
}

static void window_move(struct sliding_window *window, int64_t slot) {
    if (slot - window->newest >= SCHEDULER_WINDOW_SLOTS) {
        memset(window->slots, 0, sizeof window->slots);
        window->newest = slot;
    }
    while (window->newest < slot) {
        window->slots[++window->newest % SCHEDULER_WINDOW_SLOTS] = 0;
    }
}

/* Bytes of the last `span_ms`: a little more than that is counted, never less. */
static int64_t window_sum(const struct sliding_window *window, int64_t now_ms, int64_t span_ms) {
    const int64_t oldest = slot_of(now_ms, span_ms) - WINDOW_SPANS;
    int64_t sum = 0;
    for (int i = 0; i < SCHEDULER_WINDOW_SLOTS; i++) {
        const int64_t slot = window->newest - i;
        sum += slot >= oldest && slot >= 0 ? window->slots[slot % SCHEDULER_WINDOW_SLOTS] : 0;
    }
    return sum;
}

static int64_t window_room(const struct sliding_window *window, int64_t now_ms, int64_t span_ms,
                           int64_t bytes_max) {
    if (bytes_max <= 0) {
        return INT64_MAX;
    }
    const int64_t sum = window_sum(window, now_ms, span_ms);
    return sum < bytes_max ? bytes_max - sum : 0;
}

/* Nothing that was made by window_move and charges looks otherwise. */
static bool window_is_sound(const struct sliding_window *window, int64_t now_ms, int64_t span_ms) {
    bool sound = window->newest >= 0 && window->newest <= slot_of(now_ms, span_ms);
    for (int i = 0; i < SCHEDULER_WINDOW_SLOTS; i++) {
        sound = sound && window->slots[i] >= 0 && window->slots[i] <= SLOT_BYTES_MAX;
    }
    return sound;
}

/* When the first slots have gone that are in the way. */
static int64_t window_room_ms(const struct sliding_window *window, int64_t now_ms, int64_t span_ms,
                              int64_t bytes_max) {
    const int64_t slot_ms = span_ms / WINDOW_SPANS;
    int64_t then_ms = now_ms;
    while (window_room(window, then_ms, span_ms, bytes_max) == 0) {
        then_ms = (then_ms / slot_ms + 1) * slot_ms;
    }
    return then_ms;
}

/* --- links ----------------------------------------------------------------------------------- */

void scheduler_init(struct scheduler *scheduler) {
    *scheduler = (struct scheduler){0};
}

void scheduler_use_link(struct scheduler *scheduler, const char *kind, struct link_budget budget) {
    int oldest = 0;
    int found = -1;
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        const struct link_use *link = &scheduler->links[i];
        found = link->used > 0 && strcmp(link->kind, kind) == 0 ? i : found;
        oldest = link->used < scheduler->links[oldest].used ? i : oldest;
    }
    if (found < 0) {
        found = oldest;
        scheduler->links[found] = (struct link_use){0};
        (void)snprintf(scheduler->links[found].kind, SCHEDULER_KIND_BYTES, "%.*s",
                       SCHEDULER_KIND_BYTES - 1, kind);
    }
    scheduler->links[found].used = ++scheduler->switches;
    scheduler->link = found;
    scheduler->budget = budget;
}

/* --- lanes ----------------------------------------------------------------------------------- */

/* How often all must be given credit until one that is ready has some. */
static int64_t rounds_until_credit(const struct scheduler *scheduler, unsigned ready) {
    int64_t least = INT64_MAX;
    for (int lane = LANE_HIGH; lane < SYNC_LANES; lane++) {
        const int64_t share = WEIGHTS[lane] * CREDIT_BYTES;
        const int64_t lacking = scheduler->credit[lane] > 0 ? 0 : 1 - scheduler->credit[lane];
        const int64_t rounds = (lacking + share - 1) / share;
        least = (ready >> lane & 1U) != 0 && rounds < least ? rounds : least;
    }
    return least;
}

enum lane scheduler_pick(struct scheduler *scheduler, unsigned ready) {
    ready &= (1U << SYNC_LANES) - 1;
    if (ready == 0) {
        return LANE_COUNT;
    }
    for (int lane = LANE_CONTROL; lane <= LANE_URGENT; lane++) {
        if ((ready >> lane & 1U) != 0) {
            return (enum lane)lane;
        }
    }
    const int64_t rounds = rounds_until_credit(scheduler, ready);
    enum lane picked = LANE_COUNT;
    for (int lane = LANE_HIGH; lane < SYNC_LANES; lane++) {
        int64_t *credit = &scheduler->credit[lane];
        if ((ready >> lane & 1U) != 0) {
            *credit += rounds * WEIGHTS[lane] * CREDIT_BYTES;
            picked = picked == LANE_COUNT && *credit > 0 ? (enum lane)lane : picked;
        } else if (*credit > 0) {
            *credit = 0;
        }
    }
    assert(picked != LANE_COUNT);
    return picked;
}

static int64_t time_of(const struct scheduler *scheduler, int64_t now_ms) {
    return now_ms + scheduler->ahead_ms;
}

void scheduler_charge(struct scheduler *scheduler, enum lane lane, int64_t bytes, int64_t now_ms) {
    if (lane <= LANE_URGENT) {
        return;
    }
    scheduler->credit[lane] -= bytes;
    const int64_t time_ms = time_of(scheduler, now_ms);
    struct link_use *link = &scheduler->links[scheduler->link];
    window_move(&link->hour, slot_of(time_ms, HOUR_MS));
    window_move(&link->day, slot_of(time_ms, DAY_MS));
    link->hour.slots[link->hour.newest % SCHEDULER_WINDOW_SLOTS] += bytes;
    link->day.slots[link->day.newest % SCHEDULER_WINDOW_SLOTS] += bytes;
}

int64_t scheduler_room(const struct scheduler *scheduler, enum lane lane, int64_t now_ms) {
    if (lane <= LANE_URGENT) {
        return INT64_MAX;
    }
    const int64_t time_ms = time_of(scheduler, now_ms);
    const struct link_use *link = &scheduler->links[scheduler->link];
    const int64_t hour = window_room(&link->hour, time_ms, HOUR_MS, scheduler->budget.bytes_hour);
    const int64_t day = window_room(&link->day, time_ms, DAY_MS, scheduler->budget.bytes_day);
    return hour < day ? hour : day;
}

int64_t scheduler_room_ms(const struct scheduler *scheduler, int64_t now_ms) {
    const int64_t time_ms = time_of(scheduler, now_ms);
    const struct link_use *link = &scheduler->links[scheduler->link];
    const int64_t hour =
        window_room_ms(&link->hour, time_ms, HOUR_MS, scheduler->budget.bytes_hour);
    const int64_t day = window_room_ms(&link->day, time_ms, DAY_MS, scheduler->budget.bytes_day);
    return (hour > day ? hour : day) - scheduler->ahead_ms;
}

void scheduler_sent(const struct scheduler *scheduler, int64_t now_ms, int64_t *out_bytes_hour,
                    int64_t *out_bytes_day) {
    const int64_t time_ms = time_of(scheduler, now_ms);
    const struct link_use *link = &scheduler->links[scheduler->link];
    *out_bytes_hour = window_sum(&link->hour, time_ms, HOUR_MS);
    *out_bytes_day = window_sum(&link->day, time_ms, DAY_MS);
}

/* --- from one scheduler to the next ---------------------------------------------------------- */

void scheduler_use(const struct scheduler *scheduler, int64_t now_ms,
                   struct scheduler_use *out_use) {
    *out_use = (struct scheduler_use){.time_ms = time_of(scheduler, now_ms)};
    memcpy(out_use->links, scheduler->links, sizeof out_use->links);
}

void scheduler_recall(struct scheduler *scheduler, int64_t now_ms, const struct scheduler_use *use,
                      int64_t elapsed_ms) {
    memset(scheduler->links, 0, sizeof scheduler->links);
    if (use->time_ms < 0 || use->time_ms > TIME_MS_MAX) {
        return;
    }
    const int64_t since_ms = elapsed_ms < 0             ? 0
                             : elapsed_ms > TIME_MS_MAX ? TIME_MS_MAX
                                                        : elapsed_ms;
    int count = 0;
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        const struct link_use *link = &use->links[i];
        if (link->used > 0 && window_is_sound(&link->hour, use->time_ms, HOUR_MS) &&
            window_is_sound(&link->day, use->time_ms, DAY_MS)) {
            scheduler->links[count] = *link;
            scheduler->links[count].kind[SCHEDULER_KIND_BYTES - 1] = '\0';
            scheduler->links[count++].used = ++scheduler->switches;
        }
    }
    scheduler->ahead_ms = use->time_ms + since_ms - now_ms;
}
