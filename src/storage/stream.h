/*
 * stream: the lanes of one stream and where each of them stands, in memory.
 *
 * A store writes to one stream; older ones (before a salvage, a fork) stand beside it until they
 * are empty. The heads are read at opening from the last record of each lane and never from a scan;
 * they change with each record and become true with the commit: a batch that is rolled back takes
 * them back. The rows of `lane` are written by acknowledgement, purge and checkpoint only.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "wire/lane.h"
#include "wire/record.h"

enum {
    STREAM_NUMBER_MAX = (1 << RECORD_STREAM_BITS) - 1,
    RECORD_COST = 96 /* what a row costs besides its name and body; sql/record_sum.sql has it too */
};

struct lane_head {
    uint64_t next_seq;
    struct id chain; /* of the last record */
    uint64_t floor_seq;
    struct id floor_chain; /* of the last record that is gone from the bottom */
    uint64_t counted_seq;  /* `bytes` on disk counts up to here */
    uint64_t acked_seq, anchored_seq;
    int64_t bytes; /* of the records that stand in the lane */
    bool row_due;  /* the row must be written with this commit */
};

struct stream {
    uint32_t number;
    struct id id;
    struct lane_head lanes[LANE_COUNT];
    struct lane_head kept[LANE_COUNT]; /* as committed */
    bool touched;
};

/* The heads of a stream that has its row. CORRUPT when they cannot be true. */
status stream_load(struct stream *stream, struct database *database, uint32_t number, struct id id,
                   struct error *err);

/* Of one lane of a stream of that number what its row says: the floor, what is acknowledged. The
 * end is not looked for. */
status stream_load_floor(struct stream *stream, struct database *database, enum lane lane,
                         struct error *err);

/* A new stream's row: number is one more than the highest. */
status stream_begin(struct stream *stream, struct database *database, const char *reason,
                    struct error *err);

/* The head of a lane, to be changed in the open transaction. */
struct lane_head *stream_change(struct stream *stream, enum lane lane);

/* Writes the rows that are due; with `all` those whose count is behind as well. */
status stream_write_rows(struct stream *stream, struct database *database, bool all,
                         struct error *err);

/* After a commit, after a rollback. */
void stream_settle(struct stream *stream);
void stream_take_back(struct stream *stream);

/* True when no record stands in any lane. */
bool stream_is_empty(const struct stream *stream);
