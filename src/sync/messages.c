// SPDX-License-Identifier: Apache-2.0
#include "sync/messages.h"

#include <assert.h>
#include <string.h>

#include "platform/json.h"

static const char PATH[] = "/v1/streams/";

const char *verdict_name(enum verdict verdict) {
    static const char *const NAMES[VERDICT_COUNT] = {[VERDICT_OK] = "ok",
                                                     [VERDICT_ROLLBACK] = "rollback",
                                                     [VERDICT_NEW_STREAM] = "new_stream",
                                                     [VERDICT_QUARANTINED] = "quarantined"};
    return verdict < VERDICT_COUNT ? NAMES[verdict] : "unknown";
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_id(struct buffer *out, const char *name, struct id id) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(id, hex);
    buffer_print(out, "\"%s\":\"%s\"", name, hex);
}

static void write_number(struct buffer *out, const char *name, uint64_t number) {
    buffer_print(out, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void write_signed(struct buffer *out, const char *name, int64_t number) {
    buffer_print(out, ",\"%s\":%lld", name, (long long)number);
}

/* [[lane,seq],...], with the chain value where an answer says it. */
static void write_positions(struct buffer *out, const struct position *positions, int count,
                            bool with_chain) {
    if (count == 0) {
        return;
    }
    buffer_add_text(out, ",\"chain_at\":[");
    for (int i = 0; i < count; i++) {
        char hex[ID_HEX_BYTES + 1];
        id_write_hex(positions[i].chain, hex);
        buffer_print(out, "%s[%d,%llu", i > 0 ? "," : "", (int)positions[i].lane,
                     (unsigned long long)positions[i].seq);
        if (with_chain) {
            buffer_print(out, ",\"%s\"", hex);
        }
        buffer_add_byte(out, ']');
    }
    buffer_add_byte(out, ']');
}

static void write_hello_lane(struct buffer *out, int lane, const struct hello_lane *facts) {
    buffer_print(out, "{\"lane\":%d", lane);
    write_number(out, "lowest", facts->lowest_kept);
    write_number(out, "highest", facts->highest_durable);
    write_number(out, "acked", facts->acked_seq);
    if (!id_is_zero(facts->acked_chain)) {
        buffer_add_byte(out, ',');
        write_id(out, "acked_chain", facts->acked_chain);
    }
    write_number(out, "anchored", facts->anchored_seq);
    buffer_add_byte(out, '}');
}

/* A lane that was never written to is not said. */
static void write_hello_stream(struct buffer *out, const struct hello_stream *stream) {
    const char *between = "";
    buffer_add_byte(out, '{');
    write_id(out, "id", stream->id);
    buffer_print(out, ",\"current\":%s,\"lanes\":[", stream->current ? "true" : "false");
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        const struct hello_lane *facts = &stream->lanes[lane];
        if (facts->highest_durable > 0 || facts->acked_seq > 0) {
            buffer_add_text(out, between);
            write_hello_lane(out, lane, facts);
            between = ",";
        }
    }
    buffer_add_byte(out, ']');
    write_positions(out, stream->positions, stream->position_count, false);
    buffer_add_byte(out, '}');
}

void hello_write(const struct hello *hello, struct buffer *out) {
    assert(hello->stream_count <= MESSAGE_STREAMS_MAX);
    buffer_print(out, "{\"protocol\":[%d,%d],", hello->protocol_least, hello->protocol_most);
    write_id(out, "boot", hello->boot);
    write_signed(out, "boot_ns", hello->boot_ns);
    write_signed(out, "wall_ms", hello->wall_ms);
    write_signed(out, "quality", hello->clock_quality);
    buffer_add_text(out, ",\"link\":{\"kind\":");
    json_write_text(out, hello->link_kind);
    buffer_print(out, ",\"metered\":%s", hello->metered ? "true" : "false");
    write_signed(out, "bits_per_s", hello->bits_per_s);
    buffer_add_text(out, "},\"streams\":[");
    for (int i = 0; i < hello->stream_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_hello_stream(out, &hello->streams[i]);
    }
    buffer_add_text(out, "]}");
}

static void write_lane_state(struct buffer *out, const struct answer_lane *lane) {
    buffer_add_text(out, "\"held\":");
    ranges_write(&lane->held, out);
    if (!id_is_zero(lane->chain)) {
        buffer_add_byte(out, ',');
        write_id(out, "chain", lane->chain);
    }
    write_number(out, "anchored", lane->anchored);
}

/* A lane of which nothing is held is not said. */
static void write_answer_stream(struct buffer *out, const struct answer_stream *stream) {
    const char *between = "";
    buffer_add_byte(out, '{');
    write_id(out, "id", stream->id);
    buffer_print(out, ",\"verdict\":\"%s\",\"lanes\":[", verdict_name(stream->verdict));
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        if (stream->lanes[lane].held.count > 0) {
            buffer_print(out, "%s{\"lane\":%d,", between, lane);
            write_lane_state(out, &stream->lanes[lane]);
            buffer_add_byte(out, '}');
            between = ",";
        }
    }
    buffer_add_byte(out, ']');
    write_positions(out, stream->positions, stream->position_count, true);
    buffer_add_byte(out, '}');
}

static void write_grant(struct buffer *out, const struct grant *grant) {
    buffer_print(out, ",\"grant\":{\"bytes\":%lld,\"after_ms\":%lld}", (long long)grant->bytes,
                 (long long)grant->after_ms);
}

void hello_answer_write(const struct hello_answer *answer, struct buffer *out) {
    assert(answer->stream_count <= MESSAGE_STREAMS_MAX);
    buffer_print(out, "{\"protocol\":%d", answer->protocol);
    write_number(out, "connection", answer->connection);
    buffer_add_byte(out, ',');
    write_id(out, "hub_store", answer->hub_store);
    write_signed(out, "hub_ms", answer->hub_ms);
    write_signed(out, "spread_ms", answer->spread_ms);
    write_grant(out, &answer->grant);
    buffer_add_text(out, ",\"streams\":[");
    for (int i = 0; i < answer->stream_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_answer_stream(out, &answer->streams[i]);
    }
    buffer_add_text(out, "]}");
}

static void write_poison(struct buffer *out, const struct answer *answer) {
    buffer_add_text(out, ",\"poison\":[");
    for (int i = 0; i < answer->poison_count; i++) {
        buffer_print(out, "%s{\"seq\":%llu,\"reason\":", i > 0 ? "," : "",
                     (unsigned long long)answer->poison[i].seq);
        json_write_text(out, answer->poison[i].reason);
        buffer_add_byte(out, '}');
    }
    buffer_add_byte(out, ']');
}

void answer_write(const struct answer *answer, struct buffer *out) {
    assert(answer->poison_count <= MESSAGE_POISON_MAX);
    buffer_add_text(out, "{\"lane\":{");
    write_lane_state(out, &answer->lane);
    buffer_add_byte(out, '}');
    if (answer->verdict != VERDICT_OK) {
        buffer_print(out, ",\"verdict\":\"%s\"", verdict_name(answer->verdict));
    }
    write_signed(out, "hub_ms", answer->hub_ms);
    write_signed(out, "spread_ms", answer->spread_ms);
    write_grant(out, &answer->grant);
    if (answer->max_bytes > 0) {
        write_signed(out, "max_bytes", answer->max_bytes);
    }
    if (answer->poison_count > 0) {
        write_poison(out, answer);
    }
    buffer_add_byte(out, '}');
}

/* --- path ------------------------------------------------------------------------------------ */

void stream_path_write(struct buffer *out, struct id stream, enum lane lane, uint64_t first) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(stream, hex);
    buffer_print(out, "%s%s/%d/%llu", PATH, hex, (int)lane, (unsigned long long)first);
}

static bool read_digits(struct slice text, uint64_t *out_number) {
    uint64_t number = 0;
    if (text.count == 0 || text.bytes[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || number > RANGE_SEQ_MAX) {
            return false;
        }
        number = number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *out_number = number;
    return number <= RANGE_SEQ_MAX;
}

bool stream_path_read(struct slice path, struct id *out_stream, enum lane *out_lane,
                      uint64_t *out_first) {
    enum { AT_ID = sizeof(PATH) - 1, AT_LANE = AT_ID + ID_HEX_BYTES + 1, AT_SEQ = AT_LANE + 2 };
    struct id stream;
    uint64_t first = 0;
    char hex[ID_HEX_BYTES + 1];
    if (path.count <= AT_SEQ || !slice_starts(path, PATH) || path.bytes[AT_LANE - 1] != '/' ||
        path.bytes[AT_LANE] < '0' || path.bytes[AT_LANE] >= '0' + SYNC_LANES ||
        path.bytes[AT_SEQ - 1] != '/' || !id_read(slice_part(path, AT_ID, AT_LANE - 1), &stream) ||
        !read_digits(slice_part(path, AT_SEQ, path.count), &first)) {
        return false;
    }
    id_write_hex(stream, hex);
    if (memcmp(hex, path.bytes + AT_ID, ID_HEX_BYTES) != 0) {
        return false; /* other digits of the same number: there is one way to write a path */
    }
    *out_stream = stream;
    *out_lane = (enum lane)(path.bytes[AT_LANE] - '0');
    *out_first = first;
    return true;
}
