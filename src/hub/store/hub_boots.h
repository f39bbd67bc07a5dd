/*
 * hub_boots: when a record was made whose device had a bad clock.
 *
 * A record says how long its boot had lasted (boot_ns). When that boot began is known from the
 * device's hello, which the hub's own clock dates, or from a record of the same boot that stands
 * beside it in its lane and was made by a clock that can be believed. A clock is doubted that says
 * itself that it is bad, or that is a day ahead of the hub's. What was doubted when nobody knew is
 * noted, and dated once it is known: within a week.
 *
 * Only the time by which records are listed is changed: head and chain stay as they came.
 *
 * Thread: the writing one, in its open transaction. Survives: power cuts, after commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "platform/clock.h"
#include "platform/database.h"
#include "wire/record.h"

enum { HUB_BOOTS_KEPT = 4 /* of a device: those that began last */ };

/* A boot, and the wall time at which its boot clock was 0. */
struct hub_boot {
    struct id id;
    int64_t began_ms;
};

/* Where records stand. */
struct hub_boots_where {
    struct id device;
    int64_t stream;
    enum lane lane;
    uint64_t first_seq, last_seq;
};

/* Where the next step goes on. All zero: at the beginning. */
struct hub_boots_place {
    int64_t stream, lane;
    struct id boot;
};

/* Whether a record's time cannot be believed. `arrived` is by the hub's clock; while that is bad,
 * it judges nobody. */
bool hub_boots_doubts(const struct moment *said, const struct moment *arrived);

/* Keeps when the boot began. */
status hub_boots_hear(struct database *database, struct id device, const struct hub_boot *boot,
                      struct error *err);

/* When a doubted record was made; what its clock said while nobody knows, and that is noted. */
status hub_boots_date(struct database *database, const struct hub_boots_where *where,
                      const struct record *said, int64_t arrived_ms, int64_t *out_made_ms,
                      struct error *err);

/* Dates a little of what was noted; *out_more: there is more to look at now. */
status hub_boots_step(struct database *database, int64_t now_ms, struct hub_boots_place *place,
                      bool *out_more, struct error *err);
