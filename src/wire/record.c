// SPDX-License-Identifier: Apache-2.0
#include "wire/record.h"

#include <assert.h>
#include <string.h>

#include "base/little_endian.h"
#include "platform/hash.h"

enum { COUNT_BYTES_MAX = 3, AT_VERSION = 1, AT_QUALITY = 3 };
enum { AT_BOOT = 4, AT_BOOT_NS = 20, AT_WALL_MS = 28 };

static const uint64_t SEQ_MASK = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* --- keys and public ids --------------------------------------------------------------------- */

uint64_t record_key(uint32_t stream_number, enum lane lane, uint64_t seq) {
    assert(stream_number < 1U << RECORD_STREAM_BITS);
    assert(lane < LANE_COUNT);
    assert(seq <= SEQ_MASK);
    return (uint64_t)stream_number << (RECORD_LANE_BITS + RECORD_SEQ_BITS) |
           (uint64_t)lane << RECORD_SEQ_BITS | seq;
}

uint32_t record_key_stream(uint64_t key) {
    return (uint32_t)(key >> (RECORD_LANE_BITS + RECORD_SEQ_BITS)) &
           ((1U << RECORD_STREAM_BITS) - 1);
}

enum lane record_key_lane(uint64_t key) {
    return (enum lane)(key >> RECORD_SEQ_BITS & (LANE_COUNT - 1));
}

uint64_t record_key_seq(uint64_t key) {
    return key & SEQ_MASK;
}

/* ssssssss-ssss-8sss-800l-00qqqqqqqqqq: s stream, l lane, q seq. The view writes the same text. */
struct id record_public_id(struct id stream, enum lane lane, uint64_t seq) {
    struct id id = {0};
    (void)memcpy(id.bytes, stream.bytes, 6);
    id.bytes[6] = (uint8_t)(0x80 | stream.bytes[6] >> 4);
    id.bytes[7] = (uint8_t)((stream.bytes[6] & 15) << 4 | stream.bytes[7] >> 4);
    id.bytes[8] = 0x80;
    id.bytes[9] = (uint8_t)lane;
    for (unsigned i = 0; i < 5; i++) {
        id.bytes[15 - i] = (uint8_t)(seq >> 8 * i);
    }
    return id;
}

bool record_from_public_id(struct id public_id, struct id stream, enum lane *out_lane,
                           uint64_t *out_seq) {
    uint64_t seq = 0;
    for (int i = 11; i < ID_BYTES; i++) {
        seq = seq << 8 | public_id.bytes[i];
    }
    const enum lane lane = (enum lane)(public_id.bytes[9] & (LANE_COUNT - 1));
    if (!id_equal(public_id, record_public_id(stream, lane, seq))) {
        return false;
    }
    *out_lane = lane;
    *out_seq = seq;
    return true;
}

/* --- writing --------------------------------------------------------------------------------- */

bool record_is_known(enum record_kind kind, int version) {
    return kind >= RECORD_RESULT && kind <= RECORD_TELEMETRY && version == RECORD_VERSION;
}

static void add_counted(struct buffer *out, struct slice bytes) {
    buffer_add_varint(out, bytes.count);
    buffer_add(out, bytes);
}

status record_write(struct buffer *out, const struct record *record, struct error *err) {
    const size_t start = out->count;
    char *head = buffer_reserve(out, RECORD_HEAD_BYTES);
    if (head == NULL) {
        return buffer_status(out, err);
    }
    head[0] = (char)(uint8_t)record->kind;
    head[AT_VERSION] = (char)(uint8_t)record->version;
    head[2] = (char)(uint8_t)record->priority;
    head[AT_QUALITY] = (char)(uint8_t)record->time.quality;
    (void)memcpy(head + AT_BOOT, record->boot.bytes, ID_BYTES);
    little_endian_put_u64(head + AT_BOOT_NS, (uint64_t)record->time.boot_ns);
    little_endian_put_u64(head + AT_WALL_MS, (uint64_t)record->time.wall_ms);
    buffer_took(out, RECORD_HEAD_BYTES);
    if (record_is_known(record->kind, record->version)) {
        const bool has_run = !id_is_zero(record->run);
        add_counted(out, record->workflow);
        add_counted(out, record->name);
        add_counted(out, (struct slice){.bytes = (const char *)record->run.bytes,
                                        .count = has_run ? ID_BYTES : 0});
        add_counted(out, record->body);
    } else {
        buffer_add(out, record->tail);
    }
    TRY(buffer_status(out, err));
    if (out->count - start > RECORD_BYTES_MAX) {
        const size_t bytes = out->count - start;
        out->count = start;
        return fail(err, STATUS_FULL, "a record of %zu bytes: it may have %d", bytes,
                    RECORD_BYTES_MAX);
    }
    return STATUS_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reader {
    struct slice bytes;
    size_t at;
};

static status damaged(const struct reader *reader, const char *what, struct error *err) {
    return fail(err, STATUS_CORRUPT, "record, byte %zu: %s", reader->at, what);
}

static status read_counted(struct reader *reader, struct slice *out_slice, struct error *err) {
    size_t count = 0;
    for (unsigned i = 0;; i++) {
        if (reader->at == reader->bytes.count) {
            return damaged(reader, "it ends where a length should be", err);
        }
        if (i == COUNT_BYTES_MAX) {
            return damaged(reader, "a length is larger than any record", err);
        }
        const uint8_t byte = (uint8_t)reader->bytes.bytes[reader->at++];
        count |= (size_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            if (byte == 0 && i > 0) {
                return damaged(reader, "a length is written longer than needed", err);
            }
            break;
        }
    }
    if (count > reader->bytes.count - reader->at) {
        return damaged(reader, "a length goes beyond the end", err);
    }
    *out_slice = slice_part(reader->bytes, reader->at, reader->at + count);
    reader->at += count;
    return STATUS_OK;
}

static status read_tail(struct reader *reader, struct record *record, struct error *err) {
    struct slice run;
    if (record->time.quality > CLOCK_BAD) {
        reader->at = AT_QUALITY;
        return damaged(reader, "no such quality of time", err);
    }
    TRY(read_counted(reader, &record->workflow, err));
    TRY(read_counted(reader, &record->name, err));
    TRY(read_counted(reader, &run, err));
    if (run.count == ID_BYTES) {
        (void)memcpy(record->run.bytes, run.bytes, ID_BYTES);
    }
    if (run.count != 0 && (run.count != ID_BYTES || id_is_zero(record->run))) {
        return damaged(reader, "a run id has 16 bytes that are not all zero, or none", err);
    }
    TRY(read_counted(reader, &record->body, err));
    if (reader->at != reader->bytes.count) {
        return damaged(reader, "there are bytes behind the body", err);
    }
    return STATUS_OK;
}

status record_read_head(struct slice bytes, struct record *out_record, struct error *err) {
    const struct reader reader = {.bytes = bytes, .at = bytes.count};
    if (bytes.count < RECORD_HEAD_BYTES) {
        return damaged(&reader, "it is shorter than a record's head", err);
    }
    *out_record = (struct record){
        .kind = (enum record_kind)(uint8_t)bytes.bytes[0],
        .version = (uint8_t)bytes.bytes[AT_VERSION],
        .priority = (uint8_t)bytes.bytes[2],
        .time = {.quality = (enum clock_quality)(uint8_t)bytes.bytes[AT_QUALITY],
                 .boot_ns = (int64_t)little_endian_get_u64(bytes.bytes + AT_BOOT_NS),
                 .wall_ms = (int64_t)little_endian_get_u64(bytes.bytes + AT_WALL_MS)},
    };
    (void)memcpy(out_record->boot.bytes, bytes.bytes + AT_BOOT, ID_BYTES);
    return STATUS_OK;
}

status record_read(struct slice bytes, struct record *out_record, struct error *err) {
    struct reader reader = {.bytes = bytes, .at = bytes.count};
    struct record record;
    TRY(record_read_head(bytes, &record, err));
    if (bytes.count > RECORD_BYTES_MAX) {
        return damaged(&reader, "it is longer than a record may be", err);
    }
    reader.at = RECORD_HEAD_BYTES;
    if (record_is_known(record.kind, record.version)) {
        TRY(read_tail(&reader, &record, err));
    } else {
        record.tail = slice_part(bytes, RECORD_HEAD_BYTES, bytes.count);
    }
    *out_record = record;
    return STATUS_OK;
}

/* --- chain and names ------------------------------------------------------------------------- */

struct id record_chain(struct id before, struct slice bytes) {
    return hash_128(id_slice(&before), bytes);
}

const char *record_kind_name(enum record_kind kind) {
    static const char *const NAMES[] = {"unknown", "result", "failure",
                                        "gap",     "alarm",  "telemetry"};
    return kind < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[kind] : NAMES[0];
}

const char *gap_reason_name(enum gap_reason reason) {
    static const char *const NAMES[] = {"unknown",   "superseded", "expired", "evicted",
                                        "rolled_up", "damaged",    "purged"};
    return reason < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[reason] : NAMES[0];
}
