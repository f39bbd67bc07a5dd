/*
 * receiver: the hub's half of the engine: what of a frame is new, and what a device is told.
 *
 * A lane's cursor says which seqs are held and the chain values at their ends; it changes only
 * together with the records (one transaction, whose owner is hub/ingest). What keeps duplicates out
 * is the range, not the body that records came in: frames may be cut anew, sent twice, by two
 * connections, in any order, and the hub ends in the same state.
 *
 * Invariants: 1. held ranges = records stored + what gaps stand for + records quarantined, and grow
 * only by whole frames whose chain value was computed here and matches. 2. At the end of each
 * interval the chain value is known, and at its beginning the one before it, unless a gap begins it
 * before which its sender knew none. 3. Two chains are never merged: what does not match is
 * SYNC_FORK and changes nothing. They are compared at the latest point that frame and interval both
 * know, and where an interval begins within the frame. A gap hides what it stands for: where only
 * gaps overlap there is nothing to compare, and the later one is taken.
 *
 * Poison is what record_read refuses, a known kind with a priority or a name out of bounds or a
 * body that is not JSON (telemetry's may be something else), a gap whose body does not say that it
 * stands where it stands, and one that the frame does not call a gap. It is held like any other,
 * and the chain goes on behind it: the frame says what it spans. A kind or version that is not
 * known is stored unread.
 *
 * Not here: whose stream it is, quarantine of what comes after a fork, `anchored` (its owner's).
 * Pure: no clock, no disk; the chain value of an older record is asked for through a function.
 * Thread: that of the owner. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sync/frame.h"
#include "sync/messages.h"

enum { RECEIVER_NAME_BYTES_MAX = 255 }; /* of a record's workflow and name */

/* A row of the hub's table of cursors. All zero: nothing is held. */
struct lane_cursor {
    struct ranges held;
    struct id chain_before[RANGES_MAX]; /* of each interval: the value before it, and at its end */
    struct id chain_end[RANGES_MAX];
    uint64_t anchored;
    uint64_t stored, gapped, quarantined; /* seqs; together they are ranges_total(held) */
};

enum receiver_kind { RECEIVED_RECORD, RECEIVED_GAP, RECEIVED_POISON };

/* What to store: in the open transaction. A gap that stands partly for what is held already is
 * given for the rest alone, piece by piece (item.seq, item.last_seq); its bytes are as they came,
 * and item.chain is zero for a piece that ends before it does. So is poison in a gap's place. */
struct received {
    enum receiver_kind kind;
    struct frame_item item;
    struct record record; /* read from its bytes; of poison: zero */
    struct slice reason;  /* of poison; while put runs */
};

struct receiver_store {
    void *owner;
    /* The chain value after `seq` of this stream and lane; NOT_FOUND: not held, or inside a gap. */
    status (*chain_at)(void *owner, uint64_t seq, struct id *out_chain, struct error *err);
    status (*put)(void *owner, const struct received *received, struct error *err);
};

/* Takes one whole frame (frame_find) of the lane. Returns OK, and answer->code says what became of
 * it: STORED (new, or held already), POISON (held, some in quarantine; the answer gets which),
 * MISSING or FORK (with the verdict NEW_STREAM), which change nothing. A body's answer begins as
 * SYNC_STORED; once it is POISON it stays so while more frames are stored.
 * A frame that is damaged is CORRUPT: nothing of it or after it counts, what came before it does.
 * Another failure is the store's, or of memory: the cursor is as it was, the transaction must be
 * taken back, and the answer says nothing. */
status receiver_take(struct frame_reader *reader, struct lane_cursor *cursor, enum lane lane,
                     struct slice frame_bytes, const struct receiver_store *store,
                     struct answer *answer, struct error *err);

/* The lane's part of an answer. */
void receiver_answer_lane(const struct lane_cursor *cursor, struct answer_lane *out_lane);

/* Whether the numbers of a cursor are such as invariants 1 and 2 leave them. */
bool receiver_adds_up(const struct lane_cursor *cursor);

/* What a device's hello says of one stream against what the hub holds of it: the verdict, the
 * lanes, and the chain values that it asks for. `cursors` and `stores` have SYNC_LANES each.
 * NEW_STREAM: the hub holds more of the stream that is written to than the device has, or another
 * chain value at what the device takes for acknowledged. ROLLBACK: the hub lacks what is
 * acknowledged. */
status receiver_hello(const struct hello_stream *hello, const struct lane_cursor *cursors,
                      const struct receiver_store *stores, struct answer_stream *out_answer,
                      struct error *err);
