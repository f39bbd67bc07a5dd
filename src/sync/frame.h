/*
 * frame: a piece of a lane as it goes over the wire: whole records in the order of seq, between two
 * chain values, compressed.
 *
 * On the wire: the count of what follows (u32), then one zstd frame with its checksum and its
 * content's size. In it, little endian: version u8 (1), first u64, last u64, chain_in 16 bytes,
 * chain_out 16 bytes, then for each record: flags u8 (1: it has a first_id, 2: it is a gap), the
 * count of its bytes (LEB128), its bytes, first_id (16 bytes) where it has one, and of a gap how
 * many seqs it stands for (LEB128) and the chain value at their end (16 bytes). What a gap spans
 * stands here as well as in its record, so that neither a gap that cannot be read nor one of a
 * later version stops a lane.
 *
 * A chain value of zero: it is not known, or it is the one before seq 1. A gap ends where its chain
 * value is known; chain_in may be unknown only in front of a gap.
 *
 * What it holds before compression is at most FRAME_BYTES_MAX, or one record. Who reads checks all
 * sizes before it allocates: a frame that says it is larger is refused unread. Chain values are not
 * computed here (sync/receiver does).
 *
 * Thread: one a writer or reader (they keep zstd's state). Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "wire/record.h"

enum {
    FRAME_BYTES_MAX = 64 << 10,
    FRAME_ITEMS_MAX = 1024,
    FRAME_HEAD_BYTES = 49,
    FRAME_ITEM_BYTES_MAX = 48, /* beside a record's own */
    FRAME_PLAIN_BYTES_MAX = RECORD_BYTES_MAX + FRAME_HEAD_BYTES + FRAME_ITEM_BYTES_MAX,
    FRAME_WIRE_BYTES_MAX = FRAME_PLAIN_BYTES_MAX + (8 << 10) /* zstd's own, when nothing shrinks */
};

/* A record as it stands in a lane. */
struct frame_item {
    uint64_t seq, last_seq; /* equal but for gaps */
    struct slice record;    /* its bytes */
    struct id first_id;     /* zero: it was never renumbered */
    struct id chain;        /* after it; who reads a frame computes it, but for a gap's */
    bool is_gap;
};

struct frame_writer;

status frame_writer_create(struct frame_writer **out_writer, struct error *err);
void frame_writer_destroy(struct frame_writer *writer);

/* `level` is zstd's, COMPRESS_LEVEL where nothing speaks for another. */
void frame_begin(struct frame_writer *writer, uint64_t first, struct id chain_in, int level);

/* Copies the item, which stands behind the one before it. false: it has no room for it, and it
 * begins the next frame. The first always fits. */
bool frame_add(struct frame_writer *writer, const struct frame_item *item);
int frame_count(const struct frame_writer *writer);

/* Appends the bytes that go over the wire, at least one item's, with the count before them. `out`
 * must be allowed to grow by as much as zstd may make of them, at most FRAME_WIRE_BYTES_MAX. */
status frame_end(struct frame_writer *writer, struct buffer *out, struct error *err);

struct frame {
    uint64_t first, last;
    struct id chain_in, chain_out;
    struct frame_item *items; /* the reader's, from first to last without a hole */
    int count;                /* 1 up to FRAME_ITEMS_MAX */
};

struct frame_reader;

status frame_reader_create(struct frame_reader **out_reader, struct error *err);
void frame_reader_destroy(struct frame_reader *reader);

/* How many bytes of `received` the first whole frame takes; 0: it is not all here. CORRUPT when it
 * says that it is larger than a frame may be. */
status frame_find(struct slice received, size_t *out_bytes, struct error *err);

/* Opens one whole frame; items and slices are the reader's until it opens the next. CORRUPT names
 * what cannot be. A record that cannot be read is an item nevertheless: whether it is poison is the
 * receiver's to say. */
status frame_open(struct frame_reader *reader, struct slice bytes, struct frame *out_frame,
                  struct error *err);
