/*
 * outbox_reader: what a sender sees of the lanes: where each stands, and the records in it.
 *
 * What is read is committed. What was handed out is not replaced any more (store_read notes it),
 * and a gap that comes later is counted by the hub for what it does not hold. Streams of before a
 * salvage or a fork are read the same way until they are empty. Lane local is nobody's business
 * here.
 *
 * Not here: when anything is sent, and how it is cut into frames.
 * Thread: that of the connection (the reader's).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "storage/outbox_gap.h"
#include "wire/lane.h"
#include "wire/record.h"

enum {
    OUTBOX_STREAMS_MAX = 64,
    OUTBOX_POSITIONS_MAX = 64,
    OUTBOX_BATCH_MAX = 1024,
    OUTBOX_BATCH_BYTES_MAX = RECORD_BYTES_MAX + RECORD_HEAD_BYTES /* the largest record fits */
};

struct lane_facts {
    uint64_t lowest_kept;     /* 0: nothing stands in it */
    uint64_t highest_durable; /* 0: it was never written to */
    uint64_t acked_seq, anchored_seq;
    int64_t bytes;         /* of all that stands in it */
    struct id acked_chain; /* zero where it is not known any more */
};

struct outbox_position {
    enum lane lane;
    uint64_t seq;
    struct id chain; /* after it; zero where it is not known (any more) */
};

struct outbox_stream_facts {
    struct id id;
    bool current; /* it is the one that is written to */
    struct lane_facts lanes[LANE_LOCAL];
};

/* The streams that have records, the oldest first, and the newest one. */
struct outbox_facts {
    struct outbox_stream_facts streams[OUTBOX_STREAMS_MAX];
    int stream_count;
    struct id positions_of; /* in: a stream of which chain values are wanted */
    struct outbox_position positions[OUTBOX_POSITIONS_MAX];
    int position_count; /* in */
};

/* A record or a gap as it goes over the wire. */
struct outbox_item {
    uint64_t seq, last_seq;
    struct id chain;    /* after it */
    struct id first_id; /* zero: it was never renumbered */
    size_t from, to;    /* its bytes in the batch's room */
    bool is_gap;
};

/* The caller's: `room` is born with the bound of the batch. */
struct outbox_batch {
    struct outbox_item items[OUTBOX_BATCH_MAX];
    int count;
    struct id chain_in; /* before the first item; zero where it is not known any more */
    struct buffer room;
};

/* Reads where everything stands. With more than OUTBOX_STREAMS_MAX streams, the oldest and the one
 * that is written to. */
status outbox_reader_peek(struct database *database, struct outbox_facts *facts, struct error *err);

/* What stands in the range, as many whole records as the batch has room for; FULL when not even one
 * fits. Of a gap that begins before the range and reaches into it the whole comes; what is gone
 * from the bottom is one gap of reason `purged`, from the first that was asked for up to the floor.
 * A record that does not match its chain value ends the batch before it; if it is the first,
 * CORRUPT: it must be mended first. NOT_FOUND: nothing of that stream is here. */
status outbox_reader_read(struct database *database, struct id stream, enum lane lane,
                          struct seq_range range, struct outbox_batch *batch, struct error *err);
