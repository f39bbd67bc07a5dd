/*
 * outbox_room: who goes when a lane's bytes or the disk are used up.
 *
 * The order: 1 acknowledged and anchored, 2 acknowledged, 3 telemetry rolled up, 4 telemetry,
 * 5 low, then lane 7's oldest, 6 normal and high by the workflow's `queue.full`; control and urgent
 * never. What the hub does not hold goes only by a gap in its place; of lane 7, which the hub never
 * sees, a row of sync_round says what went. Nothing is rolled up yet: no segments are made.
 *
 * Thread: database, in an open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox.h"

enum {
    ROOM_ROWS_MAX = 4096,       /* looked at for one job */
    ROOM_DISK_BYTES = 256 << 10 /* freed at once when the disk is full */
};

/* Makes sure that a record of `cost` fits its lane of the stream that is written to. FULL when
 * nothing in the lane may go. */
status outbox_room_for(struct outbox *box, enum lane lane, int64_t cost,
                       const struct store_job *job, struct error *err);

/* Gives up ROOM_DISK_BYTES or what there is, in the order above; `job` says whose records in high
 * and normal may go (NULL: nobody's). *out_freed 0: nothing may go. */
status outbox_room_on_disk(struct outbox *box, const struct store_job *job, int64_t *out_freed,
                           struct error *err);

/* Raises the floor of a lane over the row that ends at `seq` and all below it. */
status outbox_room_drop_bottom(struct outbox *box, struct stream *stream, enum lane lane,
                               uint64_t seq, struct error *err);
