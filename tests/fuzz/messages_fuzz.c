// SPDX-License-Identifier: Apache-2.0
/* Hello, its answer and the answer to frames: what is read is written, and that is read again to
 * the same words. A path that is read is written to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Which of them; a code of HTTP's reads an answer. */
static const int CODES[] = {0, 1, 200, 409, 412, 413, 422, 503, 507, 500};

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_lane(const struct answer_lane *lane) {
    for (int i = 0; i < lane->held.count; i++) {
        need(lane->held.items[i].from <= lane->held.items[i].to);
        need(i == 0 || lane->held.items[i].from > lane->held.items[i - 1].to + 1);
    }
    need(lane->held.count <= RANGES_MAX && lane->anchored <= RANGE_SEQ_MAX);
}

static status read_hello(struct arena *arena, struct slice text, struct buffer *out,
                         struct error *err) {
    struct hello hello;
    TRY(hello_read(arena, text, &hello, err));
    need(hello.stream_count <= MESSAGE_STREAMS_MAX && hello.protocol_least >= 1);
    for (int i = 0; i < hello.stream_count; i++) {
        need(hello.streams[i].position_count <= MESSAGE_POSITIONS_MAX);
        for (int k = 0; k < hello.streams[i].position_count; k++) {
            need(hello.streams[i].positions[k].lane < LANE_LOCAL);
        }
    }
    hello_write(&hello, out);
    return STATUS_OK;
}

static status read_hello_answer(struct arena *arena, struct slice text, struct buffer *out,
                                struct error *err) {
    struct hello_answer answer;
    TRY(hello_answer_read(arena, text, &answer, err));
    need(answer.stream_count <= MESSAGE_STREAMS_MAX);
    need(answer.grant.bytes >= 0 && answer.grant.after_ms >= 0 && answer.spread_ms >= 0);
    for (int i = 0; i < answer.stream_count; i++) {
        need(answer.streams[i].verdict < VERDICT_COUNT);
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            check_lane(&answer.streams[i].lanes[lane]);
        }
    }
    hello_answer_write(&answer, out);
    return STATUS_OK;
}

static status read_answer(struct arena *arena, int code, struct slice text, struct buffer *out,
                          struct error *err) {
    struct answer answer;
    TRY(answer_read(arena, code, text, &answer, err));
    need((int)answer.code == code && answer.poison_count <= MESSAGE_POISON_MAX);
    need(answer.grant.bytes >= 0 && answer.max_bytes >= 0 && answer.spread_ms >= 0);
    check_lane(&answer.lane);
    answer_write(&answer, out);
    return STATUS_OK;
}

static status read_any(struct arena *arena, int code, struct slice text, struct buffer *out,
                       struct error *err) {
    switch (code) {
    case 0:
        return read_hello(arena, text, out, err);
    case 1:
        return read_hello_answer(arena, text, out, err);
    default:
        return read_answer(arena, code, text, out, err);
    }
}

static void check_path(struct slice path, struct buffer *out) {
    struct id stream;
    enum lane lane = LANE_COUNT;
    uint64_t first = 0;
    if (stream_path_read(path, &stream, &lane, &first)) {
        stream_path_write(out, stream, lane, first);
        need(slice_equal(buffer_slice(out), path));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count == 0) {
        return 0;
    }
    const int code = CODES[bytes[0] % (sizeof(CODES) / sizeof(CODES[0]))];
    const struct slice input = {.bytes = (const char *)bytes + 1, .count = count - 1};
    struct arena arena;
    struct buffer one;
    struct buffer two;
    struct error err = {.text = ""};
    arena_init(&arena, MESSAGE_ARENA_BYTES_MAX);
    buffer_init(&one, 2 * MESSAGE_BYTES_MAX);
    buffer_init(&two, 2 * MESSAGE_BYTES_MAX);
    const status read = read_any(&arena, code, input, &one, &err);
    if (read == STATUS_OK) {
        need(buffer_status(&one, NULL) == STATUS_OK);
        need(read_any(&arena, code, buffer_slice(&one), &two, &err) == STATUS_OK);
        need(slice_equal(buffer_slice(&one), buffer_slice(&two)));
    } else {
        need((read == STATUS_INVALID || read == STATUS_FULL) && err.text[0] != '\0');
    }
    buffer_clear(&one);
    check_path(input, &one);
    buffer_done(&one);
    buffer_done(&two);
    arena_done(&arena);
    return 0;
}
