/*
 * hub_check: whether what lies in the tables is what the cursors say: for each lane of each stream,
 * records, gaps and what was set aside are together exactly the seqs that are held.
 *
 * It walks lane by lane, a bounded number of rows a step, beside a writer that goes on: what is
 * looked at is what a lane held when the walk came to it, and that never changes again.
 *
 * Thread: reading. Survives nothing: the next walk begins anew.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "sync/receiver.h"

enum { HUB_CHECK_ROWS_MAX = 20000 }; /* a step */

/* Where a walk is; all zero: at its beginning. */
struct hub_check {
    int64_t stream, lane; /* of the lane that is walked through, or was last; 0: none yet */
    struct id stream_id;
    bool inside;               /* of a lane */
    struct lane_cursor cursor; /* as it was when the walk came to it */
    int64_t row;               /* the last delivery that was looked at */
    uint64_t found;            /* seqs */
    uint64_t removed;          /* records of it that retention has taken, when it came to it */
    int64_t lanes;             /* that were walked through */
};

/* One step. CORRUPT names a lane that does not add up (the walk may go on behind it); NOT_FOUND:
 * all lanes were walked through. */
status hub_check_step(struct hub_check *check, struct database *database, struct error *err);
