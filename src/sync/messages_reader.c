// SPDX-License-Identifier: Apache-2.0
#include "platform/json.h"
#include "sync/messages.h"

enum { PROTOCOL_LARGEST = 1 << 20, QUALITY_LARGEST = 255 };

/* --- members --------------------------------------------------------------------------------- */

/* NULL: it is not there, or is null. */
static const struct value *member(struct value object, const char *name) {
    const struct value *value = value_get(object, slice_of(name));
    return value == NULL || value->kind == VALUE_NULL ? NULL : value;
}

static status read_number(struct value object, const char *name, int64_t least, int64_t most,
                          int64_t *out_number, struct error *err) {
    const struct value *value = member(object, name);
    *out_number = 0;
    if (value == NULL) {
        return STATUS_OK;
    }
    if (value->kind != VALUE_INTEGER || value->integer < least || value->integer > most) {
        return fail(err, STATUS_INVALID, "'%s' must be a whole number from %lld to %lld", name,
                    (long long)least, (long long)most);
    }
    *out_number = value->integer;
    return STATUS_OK;
}

static status read_seq(struct value object, const char *name, uint64_t *out_seq,
                       struct error *err) {
    int64_t number = 0;
    TRY(read_number(object, name, 0, (int64_t)RANGE_SEQ_MAX, &number, err));
    *out_seq = (uint64_t)number;
    return STATUS_OK;
}

static bool id_of_value(const struct value *value, struct id *out_id) {
    return value->kind == VALUE_TEXT && value->count == ID_HEX_BYTES &&
           id_read(value_text(*value), out_id);
}

static status read_id(struct value object, const char *name, struct id *out_id, struct error *err) {
    const struct value *value = member(object, name);
    *out_id = (struct id){0};
    if (value != NULL && !id_of_value(value, out_id)) {
        return fail(err, STATUS_INVALID, "'%s' must be 32 hexadecimal digits", name);
    }
    return STATUS_OK;
}

/* One that names something. */
static status read_name(struct value object, const char *name, struct id *out_id,
                        struct error *err) {
    TRY(read_id(object, name, out_id, err));
    return id_is_zero(*out_id) ? fail(err, STATUS_INVALID, "'%s' is missing", name) : STATUS_OK;
}

static status read_flag(struct value object, const char *name, bool *out_flag, struct error *err) {
    const struct value *value = member(object, name);
    *out_flag = value != NULL && value->kind == VALUE_BOOLEAN && value->boolean;
    if (value != NULL && value->kind != VALUE_BOOLEAN) {
        return fail(err, STATUS_INVALID, "'%s' must be true or false", name);
    }
    return STATUS_OK;
}

/* A list that is missing is empty. */
static status read_list(struct value object, const char *name, uint32_t count_max,
                        struct value *out_list, struct error *err) {
    const struct value *value = member(object, name);
    *out_list = (struct value){.kind = VALUE_LIST};
    if (value == NULL) {
        return STATUS_OK;
    }
    if (value->kind != VALUE_LIST || value->count > count_max) {
        return fail(err, STATUS_INVALID, "'%s' must be a list of at most %u", name, count_max);
    }
    *out_list = *value;
    return STATUS_OK;
}

static status read_object(struct arena *arena, struct slice text, struct value *out_object,
                          struct error *err) {
    if (text.count > MESSAGE_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a message has at most %d bytes", MESSAGE_BYTES_MAX);
    }
    TRY(json_read(arena, text, out_object, err));
    return out_object->kind == VALUE_OBJECT
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "a message must be an object");
}

static status read_verdict(struct value object, enum verdict *out_verdict, struct error *err) {
    const struct value *value = member(object, "verdict");
    *out_verdict = VERDICT_OK;
    for (int i = 0; value != NULL && i < VERDICT_COUNT; i++) {
        if (slice_is(value_text(*value), verdict_name((enum verdict)i))) {
            *out_verdict = (enum verdict)i;
            return STATUS_OK;
        }
    }
    return value == NULL ? STATUS_OK : fail(err, STATUS_INVALID, "'verdict' is not known");
}

/* --- what both have -------------------------------------------------------------------------- */

static status read_lane_number(struct value object, int *out_lane, struct error *err) {
    int64_t number = 0;
    if (member(object, "lane") == NULL) {
        return fail(err, STATUS_INVALID, "'lane' is missing");
    }
    TRY(read_number(object, "lane", 0, SYNC_LANES - 1, &number, err));
    *out_lane = (int)number;
    return STATUS_OK;
}

static bool read_position(struct value item, bool with_chain, struct position *out_position) {
    struct position position = {.seq = 0};
    if (item.kind != VALUE_LIST || item.count != (with_chain ? 3 : 2) ||
        item.items[0].kind != VALUE_INTEGER || item.items[1].kind != VALUE_INTEGER) {
        return false;
    }
    const int64_t lane = item.items[0].integer;
    const int64_t seq = item.items[1].integer;
    if (lane < 0 || lane >= SYNC_LANES || seq < 0 || seq > (int64_t)RANGE_SEQ_MAX) {
        return false;
    }
    position.lane = (enum lane)lane;
    position.seq = (uint64_t)seq;
    if (with_chain && !id_of_value(&item.items[2], &position.chain)) {
        return false;
    }
    *out_position = position;
    return true;
}

static status read_positions(struct value object, bool with_chain, struct position *out_positions,
                             int *out_count, struct error *err) {
    struct value list;
    TRY(read_list(object, "chain_at", MESSAGE_POSITIONS_MAX, &list, err));
    for (uint32_t i = 0; i < list.count; i++) {
        if (!read_position(list.items[i], with_chain, &out_positions[i])) {
            return fail(err, STATUS_INVALID, "'chain_at' has an item %u that cannot be", i + 1);
        }
    }
    *out_count = (int)list.count;
    return STATUS_OK;
}

static status read_grant(struct value object, struct grant *out_grant, struct error *err) {
    const struct value *grant = member(object, "grant");
    if (grant == NULL) {
        return STATUS_OK;
    }
    TRY(read_number(*grant, "bytes", 0, INT64_MAX, &out_grant->bytes, err));
    return read_number(*grant, "after_ms", 0, MESSAGE_WAIT_MS_MAX, &out_grant->after_ms, err);
}

/* --- hello ----------------------------------------------------------------------------------- */

static status read_hello_lane(struct value object, struct hello_stream *stream, struct error *err) {
    int number = 0;
    TRY(read_lane_number(object, &number, err));
    struct hello_lane *lane = &stream->lanes[number];
    TRY(read_seq(object, "lowest", &lane->lowest_kept, err));
    TRY(read_seq(object, "highest", &lane->highest_durable, err));
    TRY(read_seq(object, "acked", &lane->acked_seq, err));
    TRY(read_id(object, "acked_chain", &lane->acked_chain, err));
    return read_seq(object, "anchored", &lane->anchored_seq, err);
}

static status read_hello_stream(struct value object, struct hello_stream *stream,
                                struct error *err) {
    struct value lanes;
    TRY(read_name(object, "id", &stream->id, err));
    TRY(read_flag(object, "current", &stream->current, err));
    TRY(read_list(object, "lanes", SYNC_LANES, &lanes, err));
    for (uint32_t i = 0; i < lanes.count; i++) {
        TRY(read_hello_lane(lanes.items[i], stream, err));
    }
    return read_positions(object, false, stream->positions, &stream->position_count, err);
}

static status read_protocols(struct value object, struct hello *hello, struct error *err) {
    struct value list;
    TRY(read_list(object, "protocol", 2, &list, err));
    for (uint32_t i = 0; i < list.count; i++) {
        const struct value item = list.items[i];
        if (item.kind != VALUE_INTEGER || item.integer < 1 || item.integer > PROTOCOL_LARGEST) {
            list.count = 0;
        }
    }
    if (list.count != 2 || list.items[0].integer > list.items[1].integer) {
        return fail(err, STATUS_INVALID, "'protocol' must be two numbers, the least and the most");
    }
    hello->protocol_least = (int)list.items[0].integer;
    hello->protocol_most = (int)list.items[1].integer;
    return STATUS_OK;
}

static status read_link(struct value object, struct hello *hello, struct error *err) {
    const struct value *link = member(object, "link");
    if (link == NULL) {
        return STATUS_OK;
    }
    const struct value *kind = member(*link, "kind");
    hello->link_kind = kind != NULL ? value_text(*kind) : (struct slice){0};
    TRY(read_flag(*link, "metered", &hello->metered, err));
    return read_number(*link, "bits_per_s", 0, INT64_MAX, &hello->bits_per_s, err);
}

static status read_hello_streams(struct arena *arena, struct value object, struct hello *hello,
                                 struct error *err) {
    struct value list;
    TRY(read_list(object, "streams", MESSAGE_STREAMS_MAX, &list, err));
    hello->streams = arena_get(arena, list.count, sizeof(*hello->streams));
    if (hello->streams == NULL) {
        return fail(err, STATUS_FULL, "a hello needs more memory than it may have");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (read_hello_stream(list.items[i], &hello->streams[i], err) != STATUS_OK) {
            return fail_while(err, "stream %u", i + 1);
        }
    }
    hello->stream_count = (int)list.count;
    return STATUS_OK;
}

status hello_read(struct arena *arena, struct slice text, struct hello *out_hello,
                  struct error *err) {
    struct value object;
    struct hello hello = {.stream_count = 0};
    int64_t quality = 0;
    TRY(read_object(arena, text, &object, err));
    TRY(read_protocols(object, &hello, err));
    TRY(read_name(object, "boot", &hello.boot, err));
    TRY(read_number(object, "boot_ns", 0, INT64_MAX, &hello.boot_ns, err));
    TRY(read_number(object, "wall_ms", INT64_MIN, INT64_MAX, &hello.wall_ms, err));
    TRY(read_number(object, "quality", 0, QUALITY_LARGEST, &quality, err));
    TRY(read_link(object, &hello, err));
    TRY(read_hello_streams(arena, object, &hello, err));
    hello.clock_quality = (int)quality;
    *out_hello = hello;
    return STATUS_OK;
}

/* --- answers --------------------------------------------------------------------------------- */

static status read_lane_state(struct value object, struct answer_lane *lane, struct error *err) {
    TRY(ranges_read(member(object, "held"), &lane->held, err));
    TRY(read_id(object, "chain", &lane->chain, err));
    return read_seq(object, "anchored", &lane->anchored, err);
}

static status read_answer_stream(struct value object, struct answer_stream *stream,
                                 struct error *err) {
    struct value lanes;
    TRY(read_name(object, "id", &stream->id, err));
    TRY(read_verdict(object, &stream->verdict, err));
    TRY(read_list(object, "lanes", SYNC_LANES, &lanes, err));
    for (uint32_t i = 0; i < lanes.count; i++) {
        int number = 0;
        TRY(read_lane_number(lanes.items[i], &number, err));
        TRY(read_lane_state(lanes.items[i], &stream->lanes[number], err));
    }
    return read_positions(object, true, stream->positions, &stream->position_count, err);
}

static status read_answer_streams(struct arena *arena, struct value object,
                                  struct hello_answer *answer, struct error *err) {
    struct value list;
    TRY(read_list(object, "streams", MESSAGE_STREAMS_MAX, &list, err));
    answer->streams = arena_get(arena, list.count, sizeof(*answer->streams));
    if (answer->streams == NULL) {
        return fail(err, STATUS_FULL, "an answer needs more memory than it may have");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (read_answer_stream(list.items[i], &answer->streams[i], err) != STATUS_OK) {
            return fail_while(err, "stream %u", i + 1);
        }
    }
    answer->stream_count = (int)list.count;
    return STATUS_OK;
}

status hello_answer_read(struct arena *arena, struct slice text, struct hello_answer *out_answer,
                         struct error *err) {
    struct value object;
    struct hello_answer answer = {.stream_count = 0};
    int64_t protocol = 0;
    int64_t connection = 0;
    TRY(read_object(arena, text, &object, err));
    TRY(read_number(object, "protocol", 1, PROTOCOL_LARGEST, &protocol, err));
    if (protocol == 0) {
        return fail(err, STATUS_INVALID, "'protocol' is missing");
    }
    TRY(read_number(object, "connection", 0, INT64_MAX, &connection, err));
    TRY(read_name(object, "hub_store", &answer.hub_store, err));
    TRY(read_number(object, "hub_ms", INT64_MIN, INT64_MAX, &answer.hub_ms, err));
    TRY(read_number(object, "spread_ms", 0, MESSAGE_WAIT_MS_MAX, &answer.spread_ms, err));
    TRY(read_grant(object, &answer.grant, err));
    TRY(read_answer_streams(arena, object, &answer, err));
    answer.protocol = (int)protocol;
    answer.connection = (uint64_t)connection;
    *out_answer = answer;
    return STATUS_OK;
}

static status read_poison(struct value object, struct answer *answer, struct error *err) {
    struct value list;
    TRY(read_list(object, "poison", MESSAGE_POISON_MAX, &list, err));
    for (uint32_t i = 0; i < list.count; i++) {
        const struct value *reason = member(list.items[i], "reason");
        TRY(read_seq(list.items[i], "seq", &answer->poison[i].seq, err));
        answer->poison[i].reason = reason != NULL ? value_text(*reason) : (struct slice){0};
    }
    answer->poison_count = (int)list.count;
    return STATUS_OK;
}

static status read_answer(struct value object, struct answer *answer, struct error *err) {
    const struct value *lane = member(object, "lane");
    if (lane != NULL && read_lane_state(*lane, &answer->lane, err) != STATUS_OK) {
        return fail_while(err, "'lane'");
    }
    TRY(read_verdict(object, &answer->verdict, err));
    TRY(read_number(object, "hub_ms", INT64_MIN, INT64_MAX, &answer->hub_ms, err));
    TRY(read_number(object, "spread_ms", 0, MESSAGE_WAIT_MS_MAX, &answer->spread_ms, err));
    TRY(read_grant(object, &answer->grant, err));
    TRY(read_number(object, "max_bytes", 0, INT64_MAX, &answer->max_bytes, err));
    TRY(read_poison(object, answer, err));
    return lane != NULL ? STATUS_OK : fail(err, STATUS_INVALID, "'lane' is missing");
}

status answer_read(struct arena *arena, int code, struct slice text, struct answer *out_answer,
                   struct error *err) {
    const bool of_lane =
        code == SYNC_STORED || code == SYNC_MISSING || code == SYNC_FORK || code == SYNC_POISON;
    if (!of_lane && code != SYNC_TOO_LARGE && code != SYNC_BUSY && code != SYNC_FULL) {
        return fail(err, STATUS_INVALID, "an answer with HTTP code %d", code);
    }
    struct value object;
    struct answer answer = {.code = (enum sync_code)code};
    status code_of_read = read_object(arena, text, &object, err);
    if (code_of_read == STATUS_OK) {
        code_of_read = read_answer(object, &answer, err);
    }
    if (code_of_read != STATUS_OK) {
        if (of_lane) {
            return code_of_read;
        }
        answer = (struct answer){.code = (enum sync_code)code};
    }
    *out_answer = answer;
    return STATUS_OK;
}
