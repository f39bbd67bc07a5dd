/*
 * quarantine: events that did not fit what their trigger says of them, kept for a person to see.
 *
 * A ring bounded in rows and in bytes: the oldest goes, and since numbers are given in order and
 * never again it can be told how many went. Nothing here is sent anywhere. A table of its own, and
 * not records of a lane: a sensor gone mad must not push results out.
 *
 * Thread: database; what lists, the reader. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"
#include "storage/store_job.h"

enum {
    QUARANTINE_ROWS_MAX = 1000,
    QUARANTINE_BYTES_MAX = 8 << 20,
    QUARANTINE_EVENT_BYTES_MAX = 1 << 20 /* of one event's JSON */
};

/* Keeps the job's event, of STORE_QUARANTINE, and lets the oldest go; *out_number is its number. */
status quarantine_put(struct database *database, const struct store_job *job, int64_t wall_ms,
                      uint64_t *out_number, struct error *err);

/* {"events":[...],"kept":N,"gone":N}, the newest first; read->out_next_key to go on with. */
status quarantine_list(struct database *database, struct store_read *read, struct error *err);

/* The event of number read->before_key with all that came; NOT_FOUND when it is not there. */
status quarantine_show(struct database *database, struct store_read *read, struct error *err);
