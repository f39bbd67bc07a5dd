/*
 * record: what lies in a lane, as bytes that are the same on disk, in the chain and on the wire.
 *
 * Written once. The first byte is the kind, the second the kind's version; an unknown kind is kept
 * and forwarded unread. The bytes hold neither stream nor seq. Layout, version 1, little endian:
 * kind u8, version u8, priority u8, quality u8, boot id 16 bytes, boot_ns u64, wall_ms u64, then
 * workflow, name, run id (16 bytes or none), and body as counted bytes (LEB128 length first, as
 * short as it can be). What follows wall_ms is the tail; the head before it is common to all
 * versions.
 *
 * Pure: any thread. Foreign bytes: every length is checked before it is believed.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/clock.h"
#include "wire/lane.h"

enum {
    RECORD_BYTES_MAX = 1 << 20,
    RECORD_HEAD_BYTES = 36,
    RECORD_VERSION = 1,
    RECORD_STREAM_BITS = 20,
    RECORD_LANE_BITS = 3,
    RECORD_SEQ_BITS = 40
};

enum record_kind {
    RECORD_RESULT = 1,
    RECORD_FAILURE = 2,
    RECORD_GAP = 3,
    RECORD_ALARM = 4,
    RECORD_TELEMETRY = 5
};

enum gap_reason {
    GAP_SUPERSEDED = 1,
    GAP_EXPIRED,
    GAP_EVICTED,
    GAP_ROLLED_UP,
    GAP_DAMAGED,
    GAP_PURGED
};

struct record {
    enum record_kind kind;
    int version;
    int priority;
    struct moment time;
    struct id boot;
    struct id run;         /* zero: none */
    struct slice workflow; /* name; empty for ebb's own */
    struct slice name;
    struct slice body; /* JSON text */
    struct slice tail; /* of a kind or version that we do not know, in place of the four above */
};

/* What a gap stands for; its record's body is the JSON of this (wire/gap). */
struct gap {
    enum gap_reason reason;
    uint64_t from_seq, to_seq;
    uint64_t count; /* of records, those inside swallowed gaps included */
    uint64_t bytes;
    int64_t from_wall_ms, to_wall_ms;
    struct id chain_before; /* of the record before from_seq */
    struct id chain_end;    /* of the record at to_seq: the chain goes on from here */
};

/* Where a record is on this store: stream number, lane, seq in one key. */
uint64_t record_key(uint32_t stream_number, enum lane lane, uint64_t seq);
uint32_t record_key_stream(uint64_t key);
enum lane record_key_lane(uint64_t key);
uint64_t record_key_seq(uint64_t key);

/* The public id: a UUID of version 8 of 60 bits of the stream id, the lane and the seq. The same
 * for ever. */
struct id record_public_id(struct id stream, enum lane lane, uint64_t seq);

/* The lane and seq of a public id; false when it is none of this stream's. */
bool record_from_public_id(struct id public_id, struct id stream, enum lane *out_lane,
                           uint64_t *out_seq);

/* True for a kind and version whose tail we read: workflow, name, run and body. */
bool record_is_known(enum record_kind kind, int version);

/* Appends the bytes; FULL when they are more than RECORD_BYTES_MAX. */
status record_write(struct buffer *out, const struct record *record, struct error *err);

/* Reads the bytes; slices point into them. CORRUPT names the byte. An unknown kind or version reads
 * as far as the common head; the rest is its tail. What is read here record_write writes back byte
 * for byte. */
status record_read(struct slice bytes, struct record *out_record, struct error *err);

/* The head alone, of bytes that begin with one; what is behind it is left zero. */
status record_read_head(struct slice bytes, struct record *out_record, struct error *err);

/* h(n) = BLAKE2b-128(h(n-1), bytes). */
struct id record_chain(struct id before, struct slice bytes);

/* "result", "failure" ...; static text, "unknown" for others. */
const char *record_kind_name(enum record_kind kind);

/* "superseded", "expired" ...; static text, "unknown" for others. */
const char *gap_reason_name(enum gap_reason reason);
