/*
 * cursors: how far each destination besides the hub has got in each lane, and what it missed.
 *
 * A destination has a number, given when it is first configured and for good. A record says in its
 * row whom it is for, by a bit for each number (record_row.destinations), so that it goes to those
 * it was made for, whatever the workflow says later. In the table `cursor` a row of (destination,
 * stream, lane) says up to where all that is for the destination has gone there; the row of stream
 * 0 holds its number. What it missed (given up, or lost to a lane's bounds) is a gap of its own: a
 * row of `state` for each lane and reason, under a workflow without a name, that counts how many,
 * from when to when.
 *
 * Only a destination that is configured holds anything back or misses anything.
 *
 * Thread: database, in an open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox_gap.h"
#include "storage/record_row.h"
#include "storage/store_job.h"

struct cursors {
    struct {
        char name[STORE_DESTINATION_BYTES_MAX + 1];
        int number;
        bool configured;
    } items[STORE_DESTINATIONS_MAX];
    int count;
    uint64_t configured; /* their bits */
};

/* Reads names and numbers; those that were configured stay so, and get their number again where it
 * was lost. */
status cursors_load(struct cursors *cursors, struct database *database, struct error *err);

/* These are configured from now on, and no others; `out_bits` gets the bit of each. *out_new: there
 * is one that had no number, which must be kept. FULL when there is no number left. Writes nothing.
 */
status cursors_configure(struct cursors *cursors, const struct slice *names, uint32_t count,
                         uint64_t *out_bits, bool *out_new, struct error *err);
status cursors_keep_numbers(const struct cursors *cursors, struct database *database,
                            struct error *err);

/* All that is for the destination up to `seq` has gone. With `gave_up` it has not: what is for it
 * behind its cursor and up to there is missed from now on. */
status cursors_move(const struct cursors *cursors, struct database *database,
                    const struct store_job *job, uint32_t stream, struct error *err);

/* Whether a destination has yet to get the record. */
status cursors_want(const struct cursors *cursors, struct database *database,
                    const struct record_row *row, bool *out_wanted, struct error *err);

/* What stands in the range is about to go: what is still to be sent of it is missed. */
status cursors_note_loss(const struct cursors *cursors, struct database *database,
                         const struct stream *stream, enum lane lane, struct seq_range range,
                         const char *reason, struct error *err);
