// SPDX-License-Identifier: Apache-2.0
#include "wire/gap.h"

#include <assert.h>

#include "platform/json.h"

enum { ARENA_BYTES = 16 << 10 };

static const int64_t SEQ_MAX = (INT64_C(1) << RECORD_SEQ_BITS) - 1;

void gap_write(struct buffer *out, const struct gap *gap) {
    char before[ID_HEX_BYTES + 1];
    char end[ID_HEX_BYTES + 1];
    id_write_hex(gap->chain_before, before);
    id_write_hex(gap->chain_end, end);
    buffer_print(out,
                 "{\"reason\":\"%s\",\"from\":%llu,\"to\":%llu,\"count\":%llu,\"bytes\":%llu,"
                 "\"t0\":%lld,\"t1\":%lld,\"chain_before\":\"%s\",\"chain_end\":\"%s\"}",
                 gap_reason_name(gap->reason), (unsigned long long)gap->from_seq,
                 (unsigned long long)gap->to_seq, (unsigned long long)gap->count,
                 (unsigned long long)gap->bytes, (long long)gap->from_wall_ms,
                 (long long)gap->to_wall_ms, before, end);
}

static bool read_number(struct value object, struct slice name, int64_t *out_number) {
    const struct value *value = value_get(object, name);
    if (value == NULL || value->kind != VALUE_INTEGER) {
        return false;
    }
    *out_number = value->integer;
    return true;
}

static bool read_id(struct value object, struct slice name, struct id *out_id) {
    const struct value *value = value_get(object, name);
    return value != NULL && value->kind == VALUE_TEXT && id_read(value_text(*value), out_id);
}

static enum gap_reason reason_of(struct value object) {
    const struct value *value = value_get(object, SLICE("reason"));
    for (int i = GAP_SUPERSEDED; value != NULL && i <= GAP_PURGED; i++) {
        if (slice_is(value_text(*value), gap_reason_name((enum gap_reason)i))) {
            return (enum gap_reason)i;
        }
    }
    return (enum gap_reason)0;
}

static status read_object(struct value object, struct gap *out_gap, struct error *err) {
    int64_t from = 0;
    int64_t to = 0;
    int64_t count = 0;
    int64_t bytes = 0;
    struct gap gap = {.reason = reason_of(object)};
    if (gap.reason == 0 || !read_number(object, SLICE("from"), &from) ||
        !read_number(object, SLICE("to"), &to) || !read_number(object, SLICE("count"), &count) ||
        !read_number(object, SLICE("bytes"), &bytes) ||
        !read_number(object, SLICE("t0"), &gap.from_wall_ms) ||
        !read_number(object, SLICE("t1"), &gap.to_wall_ms) ||
        !read_id(object, SLICE("chain_before"), &gap.chain_before) ||
        !read_id(object, SLICE("chain_end"), &gap.chain_end)) {
        return fail(err, STATUS_INVALID, "a gap lacks one of its members, or one has a wrong type");
    }
    if (from < 1 || to < from || to > SEQ_MAX || count < 0 || count > to - from + 1 || bytes < 0) {
        return fail(err, STATUS_INVALID, "a gap from %lld to %lld of %lld records cannot be",
                    (long long)from, (long long)to, (long long)count);
    }
    gap.from_seq = (uint64_t)from;
    gap.to_seq = (uint64_t)to;
    gap.count = (uint64_t)count;
    gap.bytes = (uint64_t)bytes;
    *out_gap = gap;
    return STATUS_OK;
}

status gap_read(struct slice body, struct gap *out_gap, struct error *err) {
    if (body.count > GAP_BODY_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a gap's body has at most %d bytes", GAP_BODY_BYTES_MAX);
    }
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct value value = {0};
    if (json_read(&arena, body, &value, err) != STATUS_OK) {
        return fail_while(err, "read a gap");
    }
    return read_object(value, out_gap, err);
}

void gap_join(struct gap *gap, const struct gap *after) {
    assert(after->from_seq == gap->to_seq + 1);
    gap->to_seq = after->to_seq;
    gap->count += after->count;
    gap->bytes += after->bytes;
    gap->chain_end = after->chain_end;
    if (after->count > 0) {
        const bool none = gap->count == after->count;
        gap->from_wall_ms = none || after->from_wall_ms < gap->from_wall_ms ? after->from_wall_ms
                                                                            : gap->from_wall_ms;
        gap->to_wall_ms =
            none || after->to_wall_ms > gap->to_wall_ms ? after->to_wall_ms : gap->to_wall_ms;
    }
}
