/*
 * outbox_room: who goes when a lane's bytes or the disk are used up.
 *
 * The order: 1 acknowledged and anchored, 2 acknowledged, 3 telemetry rolled up, 4 telemetry,
 * 5 low, 6 normal and high by the workflow's `queue.full`; control and urgent never. What the hub
 * does not hold goes only by a gap in its place. Lane 7 has its own bytes: the oldest goes, and a
 * row of sync_round says so.
 *
 * Thread: database, in an open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox.h"

/* Makes sure that a record of `cost` fits its lane of the stream that is written to. FULL when
 * nothing in the lane may go. */
status outbox_room_for(struct outbox *box, enum lane lane, int64_t cost,
                       const struct store_job *job, struct error *err);
