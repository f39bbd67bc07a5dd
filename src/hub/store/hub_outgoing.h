/*
 * hub_outgoing: what goes from a hub to one of its own destinations, in the order of arrival: what
 * is due, how far it has got, and what was removed before it got there.
 *
 * A destination has a row with the number of the last record that is settled: it has it, or it is
 * none that it is to have, or it is counted as refused, given up or removed. The row lies in hub.db
 * beside the records, so a hub out of a backup goes on where that was, and sends again. Records
 * whose time turned out later are noted by a trigger, and come again to who asks for them.
 *
 * Thread: reading, or the writing one in its open transaction, as each function says. Survives:
 * power cuts, after commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "carriers/carrier.h"
#include "platform/database.h"

enum {
    HUB_OUTGOING_ROWS_MAX = 4000,
    HUB_OUTGOING_BYTES_MAX = 4 << 20,  /* of a batch: it ends early */
    HUB_OUTGOING_ARENA_MAX = 24 << 20, /* more than a batch and its last result */
    HUB_OUTGOING_WISHES_MAX = 64
};

/* One of several; none: no matter which. */
struct hub_outgoing_words {
    const struct slice *words;
    uint32_t count;
};

/* Which results a destination is to have. */
struct hub_outgoing_filter {
    struct hub_outgoing_words workflows, names, devices, labels;
    uint32_t lanes; /* a bit each; 0: all */
    int priority;   /* at least; -1: any */
};

/* A destination as the store knows it. */
struct hub_outgoing {
    struct slice name;
    uint32_t
        rows_max; /* of a batch: so many may come again after a crash; 0: HUB_OUTGOING_ROWS_MAX */
    struct hub_outgoing_filter filter;
};

struct hub_outgoing_list {
    const struct hub_outgoing *items;
    uint32_t count;
};

/* Where a destination that is new begins. */
enum hub_outgoing_since { HUB_OUTGOING_NOW, HUB_OUTGOING_ALL, HUB_OUTGOING_DATE };

struct hub_outgoing_row {
    int64_t number, mended; /* settled up to there */
    int64_t sent, refused, given_up, removed;
    int64_t newest, oldest; /* numbers: the hub's last record, and the first behind `number` */
    int64_t newest_mended;
};

/* What is due, as it was read. All of it lies in the arena. */
struct hub_outgoing_batch {
    struct parcel parcels[HUB_OUTGOING_ROWS_MAX];
    int64_t numbers[HUB_OUTGOING_ROWS_MAX]; /* of the records; of `mended` where is_mended */
    uint32_t count;
    int64_t last;   /* up to there everything was looked at */
    bool is_mended; /* they were sent before, and their time has changed */
    struct hub_outgoing_row row;
};

/* Writing: makes the row of a destination that has none. */
status hub_outgoing_begin(struct database *database, struct slice name,
                          enum hub_outgoing_since since, int64_t since_ms, int64_t now_ms,
                          struct error *err);

/* Reading: its row, and what is due behind `after` (0: behind what the row says); of mended records
 * where nothing else is due and `wants_mended`. */
status hub_outgoing_read(struct database *database, const struct hub_outgoing *outgoing,
                         int64_t after, bool wants_mended, struct arena *arena,
                         struct hub_outgoing_batch *out_batch, struct error *err);

/* What is to be written of a batch, or of what was passed over. */
struct hub_outgoing_move {
    int64_t number, mended; /* 0: as it is */
    int64_t sent, refused, given_up;
};

/* Writing. */
status hub_outgoing_move(struct database *database, struct slice name,
                         const struct hub_outgoing_move *move, struct error *err);

/* Writing, before records of a workflow go: counts them for each destination that has yet to get
 * them. */
status hub_outgoing_count_removed(struct database *database, const struct hub_outgoing_list *list,
                                  struct slice workflow, int64_t first, int64_t last,
                                  struct error *err);
