/*
 * outbox_gap: puts a gap in the place of records, so that seq stays contiguous and the chain holds.
 *
 * A gap's row has the key of its first seq, the last one in last_seq, the chain value of its last
 * record, and what it stands for as its body. Gaps of one reason that touch become one, unless one
 * of them may have been sent; what is acknowledged never joins what is not.
 *
 * Thread: database, in an open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox.h"

struct seq_range {
    uint64_t from, to; /* both inside */
};

/* Replaces everything that stands in the range, which begins and ends with a row. */
status outbox_gap_write(struct outbox *box, struct stream *stream, enum lane lane,
                        struct seq_range range, enum gap_reason reason, struct error *err);

/* Writes a gap's row where none stands; *out_cost (may be NULL) is what it counts. */
status outbox_gap_insert(struct outbox *box, uint64_t key, const struct gap *gap, int64_t *out_cost,
                         struct error *err);

/* Up to here a lane's records may have been sent: what stands there is not replaced any more. */
uint64_t outbox_gap_border(const struct outbox *box, const struct stream *stream, enum lane lane);

/* Whether a record that is no gap stands at the key. */
status outbox_gap_is_record(struct outbox *box, uint64_t key, bool *out_stands, struct error *err);

/* The chain value at seq: of the row that ends there, or of the floor. */
status outbox_gap_chain_at(struct outbox *box, const struct stream *stream, enum lane lane,
                           uint64_t seq, struct id *out_chain, struct error *err);
