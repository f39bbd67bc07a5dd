/*
 * outbox_reader: the table of four functions through which a sender sees lanes: peek, read,
 * acknowledge, gap.
 *
 * runtime/sync_manager hands it to the engine; a site hands in one over the hub's store instead.
 * What is read is committed, and what was handed out is never replaced any more (a gap that comes
 * later is counted by the hub for what it does not hold). Streams of before a salvage or a fork are
 * read the same way until they are empty.
 *
 * Not here: when anything is sent, and how it is cut into frames.
 * Thread: that of the owner. Survives: power cuts, after the commit of acknowledge and gap.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "storage/outbox_gap.h"
#include "wire/lane.h"
#include "wire/record.h"

enum { OUTBOX_POSITIONS_MAX = 64, OUTBOX_BATCH_MAX = 1024 };

/* A lane as hello says it, and the chain values that the hub asks for. */
struct lane_facts {
    int position_count; /* in: how many chain values are wanted */
    uint64_t positions[OUTBOX_POSITIONS_MAX];

    uint64_t lowest_kept;     /* 0: nothing stands in it */
    uint64_t highest_durable; /* 0: it was never written to */
    uint64_t acked_seq, anchored_seq;
    int64_t bytes;         /* of all that stands in it */
    struct id acked_chain; /* zero where a value is not known (any more) */
    struct id chains[OUTBOX_POSITIONS_MAX];
};

/* A record or a gap as it goes over the wire. */
struct outbox_item {
    uint64_t seq, last_seq;
    struct id chain; /* after it; zero in the middle of what is gone */
    size_t from, to; /* its bytes in the batch's room */
    bool is_gap;
};

/* The caller's: `room` is born with the bound of the batch. */
struct outbox_batch {
    struct outbox_item items[OUTBOX_BATCH_MAX];
    int count;
    struct id chain_in; /* before the first item; zero where it is not known any more */
    struct buffer room;
};

struct outbox_reader {
    void *owner;

    /* NOT_FOUND: nothing of that stream is here. */
    status (*peek)(void *owner, struct id stream, enum lane lane, struct lane_facts *facts,
                   struct error *err);

    /* What stands in the range, as many whole records as the batch has room for; FULL when not even
     * one fits. What is gone from the bottom is one gap of reason `purged` of exactly the part that
     * was asked for. A record that does not match its chain value ends the batch before it; if it
     * is the first, CORRUPT: it must be mended first. */
    status (*read)(void *owner, struct id stream, enum lane lane, struct seq_range range,
                   struct outbox_batch *batch, struct error *err);

    /* The hub holds the lane up to `seq`; CONFLICT when its chain value there is not ours. */
    status (*acknowledge)(void *owner, struct id stream, enum lane lane, uint64_t seq,
                          struct id chain, struct error *err);

    /* Puts a gap in the place of what stands in the range, which begins and ends with a record. */
    status (*gap)(void *owner, struct id stream, enum lane lane, struct seq_range range,
                  enum gap_reason reason, struct error *err);
};

struct core;

/* The lanes of a store. */
struct outbox_reader outbox_reader_of(struct core *core);
