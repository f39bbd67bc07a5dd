/*
 * scheduler: which lane is sent next, and whether a budget of bytes lets it.
 *
 * Lane 0 is strict, lane 1 comes before the rest, and lanes 2 to 6 share what is left in the ratio
 * 16:8:2:4:1 of bytes: each has a credit that sending uses up, and that all of them get anew when
 * none that has something to send has any left. A lane that has nothing to send saves nothing up,
 * and one that sent more than it had waits that much longer, so none starves.
 *
 * A budget is counted for each kind of link over the last hour and the last day, in slots: never
 * more than it is sent within any hour or day, give or take the frame under way. Lanes 0 and 1 are
 * neither held back nor counted.
 *
 * Plain data, pure: time is handed in. Survives nothing by itself: what was used can be taken out
 * and put into the next one (scheduler_use, scheduler_recall), whose clock may begin elsewhere.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "sync/messages.h"

enum {
    SCHEDULER_LINKS = 5,        /* kinds of link whose use is remembered, `not known` is one */
    SCHEDULER_KIND_BYTES = 16,  /* of the name of a kind, its zero included */
    SCHEDULER_WINDOW_SLOTS = 13 /* twelve and the one under way */
};

/* What a kind of link may carry besides lanes 0 and 1; 0: without bound. */
struct link_budget {
    int64_t bytes_hour, bytes_day;
};

/* Bytes sent in a span that goes along with time. */
struct sliding_window {
    int64_t slots[SCHEDULER_WINDOW_SLOTS];
    int64_t newest; /* number of the newest slot since time 0 */
};

struct link_use {
    char kind[SCHEDULER_KIND_BYTES];
    struct sliding_window hour, day;
    uint64_t used; /* when it was taken up, to forget the oldest */
};

/* What all kinds of link were used for, as of a moment of the windows' own clock. */
struct scheduler_use {
    struct link_use links[SCHEDULER_LINKS];
    int64_t time_ms;
};

struct scheduler {
    int64_t credit[SYNC_LANES];
    struct link_use links[SCHEDULER_LINKS];
    int64_t ahead_ms; /* of `now_ms`: the windows' clock goes on where an earlier one stood */
    int link;         /* in use */
    uint64_t switches;
    struct link_budget budget;
};

void scheduler_init(struct scheduler *scheduler);

/* From now on bytes go over this kind of link. */
void scheduler_use_link(struct scheduler *scheduler, const char *kind, struct link_budget budget);

/* The lane whose turn it is of those that `ready` has a bit for; LANE_COUNT: of none. */
enum lane scheduler_pick(struct scheduler *scheduler, unsigned ready);

/* So many bytes were handed to the link. */
void scheduler_charge(struct scheduler *scheduler, enum lane lane, int64_t bytes, int64_t now_ms);

/* How many bytes the budget has left for the lane: INT64_MAX when nothing bounds it; not below
 * 0. */
int64_t scheduler_room(const struct scheduler *scheduler, enum lane lane, int64_t now_ms);

/* When there will be room again; `now_ms` when there is. */
int64_t scheduler_room_ms(const struct scheduler *scheduler, int64_t now_ms);

/* What was sent over the link in use within the last hour and the last day, as it is counted. */
void scheduler_sent(const struct scheduler *scheduler, int64_t now_ms, int64_t *out_bytes_hour,
                    int64_t *out_bytes_day);

void scheduler_use(const struct scheduler *scheduler, int64_t now_ms,
                   struct scheduler_use *out_use);

/* Goes on with what was used before, `elapsed_ms` after it was taken out, in place of all that was
 * counted here; then scheduler_use_link says which link is in use. It may come from anywhere: what
 * cannot be is left out. */
void scheduler_recall(struct scheduler *scheduler, int64_t now_ms, const struct scheduler_use *use,
                      int64_t elapsed_ms);
