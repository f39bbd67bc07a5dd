/*
 * outbox_check: recomputes the chain of a lane, to find what was changed behind our back.
 *
 * SQLite does not notice a flipped bit in a value; the chain does. A record whose value does not
 * match is damaged, or its chain value is: the record after it tells which. At opening the last
 * OUTBOX_CHECK_ROWS of each lane are looked at; a full check looks at all, in slices.
 *
 * Thread: that of the connection. Changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "storage/outbox_gap.h"

enum { OUTBOX_CHECK_ROWS = 64 };

struct chain_check {
    struct database *database;   /* not owned */
    const struct stream *stream; /* not owned */
    enum lane lane;
    uint64_t next_seq;   /* the next row to be looked at */
    struct id before;    /* chain value of the row before it */
    struct buffer bytes; /* of a record */
    uint64_t rows;       /* looked at */
};

enum chain_fault {
    CHAIN_WHOLE,
    CHAIN_RECORD_DAMAGED, /* the record is not what was chained */
    CHAIN_VALUE_DAMAGED   /* the record is; its chain value should be `right` */
};

struct chain_finding {
    enum chain_fault fault;
    struct seq_range range; /* of the row */
    struct id before;       /* chain value of the row before */
    struct id right;
};

/* Begins at a row: the first at or after `from_seq`. CORRUPT when what stands there cannot be read
 * or seqs are missing. */
status chain_check_begin(struct chain_check *check, struct database *database,
                         const struct stream *stream, enum lane lane, uint64_t from_seq,
                         struct error *err);
void chain_check_done(struct chain_check *check);

/* Looks at up to `rows` rows; stops at the first that is damaged and goes on behind it when called
 * again. *out_more is false at the lane's end. */
status chain_check_go(struct chain_check *check, uint64_t rows, struct chain_finding *out_finding,
                      bool *out_more, struct error *err);

/* Puts one flipped byte right where the chain proves it; else a gap of reason `damaged` in the
 * record's place, whose bytes go into *out_bytes as well as they can be read. In an open
 * transaction. */
status outbox_mend(struct outbox *box, struct stream *stream, enum lane lane,
                   const struct chain_finding *finding, struct buffer *out_bytes,
                   struct error *err);
