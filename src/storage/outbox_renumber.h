/*
 * outbox_renumber: records go on in a new stream: after a salvage, or on the hub's verdict.
 *
 * A renumbered record keeps the id that it was given first (`first_id`) and its bytes; only seq and
 * chain are new. A gap keeps its length. Cursors of other destinations and the keys of results move
 * along. The old stream ends where the hub and this store agree. The purge's cycle begins anew
 * after it (core_load), since what it has noted of the old places says nothing of the new ones.
 *
 * Thread: database, in an open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox.h"
#include "storage/record_row.h"

/* Adds a copy of a row to its lane of the stream that is written to. */
status outbox_copy_on(struct outbox *box, struct id from_stream, const struct record_row *row,
                      struct error *err);

/* Moves what stands in a lane behind `after_seq`, which is a row's last, into the stream that is
 * written to. */
status outbox_renumber(struct outbox *box, struct stream *from, enum lane lane, uint64_t after_seq,
                       struct error *err);
