// SPDX-License-Identifier: Apache-2.0
#include "hub/query/question_functions.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/time.h"
#include "hub/device_rows.h"
#include "hub/query/question_streams.h"
#include "platform/clock.h"
#include "platform/json_member.h"
#include "wire/record.h"

enum { TEXT_BYTES_MAX = RECORD_BYTES_MAX, DAY_BYTES = 10 };

/* --- times --- */

static void run_iso(struct database_call *call) {
    char text[TIME_TEXT_BYTES];
    const int64_t ms = database_call_number(call, 0);
    if (!database_call_is_null(call, 0) && ms != 0) { /* 0: it never was */
        time_write_plain(ms, text);
        database_call_answer_text(call, slice_of(text));
    }
}

static void run_ago(struct database_call *call) {
    int64_t ms = 0;
    if (time_read_span(database_call_text(call, 0), &ms)) {
        database_call_answer_number(call, clock_wall_ms() - ms);
    } else {
        database_call_fail(call, "ago() wants a span, such as ago('2h') or ago('7d')");
    }
}

/* What has no zone is UTC, as in created_at. */
static void run_ms(struct database_call *call) {
    const struct slice text = database_call_text(call, 0);
    char whole[TIME_TEXT_BYTES * 2];
    int64_t ms = 0;
    (void)snprintf(whole, sizeof(whole), "%.*s%s",
                   SLICE_ARGS(slice_part(text, 0, sizeof(whole) / 2)),
                   text.count == DAY_BYTES ? "T00:00:00Z" : "Z");
    if (time_read(text, &ms) || time_read(slice_of(whole), &ms)) {
        database_call_answer_number(call, ms);
    } else {
        database_call_fail(call, "ms() wants a day or a moment, such as ms('2026-11-23') or "
                                 "ms('2026-11-23T10:00:00Z')");
    }
}

/* --- ids and words --- */

static void answer_uuid(struct database_call *call, struct id id) {
    char text[ID_UUID_BYTES + 1];
    id_write_uuid(id, text);
    database_call_answer_text(call, slice_of(text));
}

static void run_uuid(struct database_call *call) {
    const struct id id = id_from(database_call_bytes(call, 0));
    if (!id_is_zero(id)) {
        answer_uuid(call, id);
    }
}

static void run_hex(struct database_call *call) {
    const struct id id = id_from(database_call_bytes(call, 0));
    char text[ID_HEX_BYTES + 1];
    if (!id_is_zero(id)) {
        id_write_hex(id, text);
        database_call_answer_text(call, slice_of(text));
    }
}

/* The id as bytes, of its text. */
static void run_id(struct database_call *call) {
    struct id id;
    if (id_read(database_call_text(call, 0), &id)) {
        database_call_answer_bytes(call, id_slice(&id));
    }
}

/* --- whose a record is: of the number of its stream --- */

/* NULL also where there are names alone. */
static const struct question_stream *stream_of(const struct database_call *call, int index) {
    struct question_streams *streams = database_call_owner(call);
    return streams != NULL ? question_streams_find(streams, database_call_number(call, index))
                           : NULL;
}

static void answer_buffer(struct database_call *call, const struct buffer *text) {
    if (text->count > 0) {
        database_call_answer_text(call, buffer_slice(text));
    }
}

static void run_device(struct database_call *call) {
    const struct question_stream *stream = stream_of(call, 0);
    if (stream != NULL) {
        answer_buffer(call, &stream->name);
    }
}

static void run_device_id(struct database_call *call) {
    const struct question_stream *stream = stream_of(call, 0);
    if (stream != NULL) {
        answer_uuid(call, stream->device);
    }
}

static void run_labels(struct database_call *call) {
    const struct question_stream *stream = stream_of(call, 0);
    if (stream != NULL) {
        answer_buffer(call, &stream->labels);
    }
}

/* first_id, stream, lane, seq */
static void run_result_id(struct database_call *call) {
    const struct id first_id = id_from(database_call_bytes(call, 0));
    const struct question_stream *stream = id_is_zero(first_id) ? stream_of(call, 1) : NULL;
    if (!id_is_zero(first_id)) {
        answer_uuid(call, first_id);
    } else if (stream != NULL) {
        answer_uuid(call, record_public_id(stream->id, (enum lane)database_call_number(call, 2),
                                           (uint64_t)database_call_number(call, 3)));
    }
}

/* --- words --- */

static void run_lane(struct database_call *call) {
    database_call_answer_static(call, lane_name((enum lane)database_call_number(call, 0)));
}

static void run_state(struct database_call *call) {
    const int64_t state = database_call_number(call, 0);
    if (state >= DEVICE_ACTIVE && state <= DEVICE_REMOVED) {
        database_call_answer_static(call, device_state_name((enum device_state)state));
    }
}

/* --- members of results --- */

static void answer_member_text(struct database_call *call, const struct json_member *member) {
    if (!member->escaped) {
        database_call_answer_text(call, member->raw);
        return;
    }
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    json_member_text(&text, member->raw);
    if (text.failed == STATUS_OK) {
        database_call_answer_text(call, buffer_slice(&text));
    } else {
        database_call_fail(call, "out of memory for a field");
    }
}

/* The member as a value of SQL: lists and objects are their JSON. */
static void run_field(struct database_call *call) {
    const struct json_member member =
        json_member_find(database_call_bytes(call, 0), database_call_bytes(call, 1));
    switch (member.kind) {
    case JSON_MEMBER_NONE:
        return;
    case JSON_MEMBER_FALSE:
    case JSON_MEMBER_TRUE:
        database_call_answer_number(call, member.kind == JSON_MEMBER_TRUE ? 1 : 0);
        return;
    case JSON_MEMBER_INTEGER:
        database_call_answer_number(call, member.integer);
        return;
    case JSON_MEMBER_REAL:
        database_call_answer_real(call, member.real);
        return;
    case JSON_MEMBER_TEXT:
        answer_member_text(call, &member);
        return;
    case JSON_MEMBER_LIST:
    case JSON_MEMBER_OBJECT:
        database_call_answer_text(call, member.raw);
    }
}

/* The member as JSON, whatever it is: a text keeps its quotes. */
static void run_part(struct database_call *call) {
    struct json_member member =
        json_member_find(database_call_bytes(call, 0), database_call_bytes(call, 1));
    if (member.kind == JSON_MEMBER_TEXT) {
        member.raw.bytes--;
        member.raw.count += 2;
    }
    if (member.kind != JSON_MEMBER_NONE) {
        database_call_answer_text(call, member.raw);
    }
}

const struct database_function QUESTION_FUNCTIONS[] = {
    {"iso", 1, run_iso},
    {"ago", 1, run_ago},
    {"ms", 1, run_ms},
    {"ebb_uuid", 1, run_uuid},
    {"ebb_hex", 1, run_hex},
    {"ebb_id", 1, run_id},
    {"ebb_result_id", 4, run_result_id},
    {"ebb_device", 1, run_device},
    {"ebb_device_id", 1, run_device_id},
    {"ebb_labels", 1, run_labels},
    {"ebb_lane", 1, run_lane},
    {"ebb_state", 1, run_state},
    {"ebb_field", 2, run_field},
    {"ebb_part", 2, run_part},
    {0},
};

/* --- what questions may --- */

/* What the views are made of; what is in the other tables is nobody's business here. */
static const char *const TABLES[] = {"record",       "stream",    "device",    "alarm",
                                     "workflow_use", "json_each", "json_tree", NULL};

static const char *const FUNCTIONS[] = {
    "iso", "ago", "ms", "ebb_uuid", "ebb_hex", "ebb_id", "ebb_result_id", "ebb_device",
    "ebb_device_id", "ebb_labels", "ebb_lane", "ebb_state", "ebb_field", "ebb_part",
    /* of rows */
    "avg", "count", "group_concat", "max", "min", "sum", "total",
    /* of windows */
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead",
    "first_value", "last_value", "nth_value",
    /* of a value */
    "abs", "char", "coalesce", "format", "glob", "hex", "ifnull", "iif", "instr", "length", "like",
    "likelihood", "likely", "lower", "ltrim", "nullif", "printf", "quote", "random", "randomblob",
    "replace", "round", "rtrim", "sign", "substr", "substring", "trim", "typeof", "unicode",
    "unlikely", "upper", "zeroblob",
    /* of dates */
    "date", "time", "datetime", "julianday", "unixepoch", "strftime", "current_date",
    "current_time", "current_timestamp",
    /* of JSON */
    "->", "->>", "json", "json_array", "json_array_length", "json_extract", "json_group_array",
    "json_group_object", "json_insert", "json_object", "json_patch", "json_quote", "json_remove",
    "json_replace", "json_set", "json_type", "json_valid",
    /* of numbers */
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos", "cosh",
    "degrees", "exp", "floor", "ln", "log", "log10", "log2", "mod", "pi", "pow", "power", "radians",
    "sin", "sinh", "sqrt", "tan", "tanh", "trunc", NULL};

const struct database_rules QUESTION_RULES = {.tables = TABLES, .functions = FUNCTIONS};
const struct database_rules QUESTION_MIRROR_RULES = {.functions = FUNCTIONS};
