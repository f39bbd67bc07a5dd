// SPDX-License-Identifier: Apache-2.0
#include "cli/hub_question.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "cli/daemon.h"
#include "platform/http_client.h"
#include "platform/interrupt.h"
#include "platform/json.h"

enum { PATH_BYTES = 128, CLASS_BYTES = 32 };

static const char *const HEADERS[] = {"Content-Type: application/sql", NULL};

static struct daemon_request request_for(const struct hub_question *question, const char *format,
                                         char path[PATH_BYTES]) {
    char rows[32] = "";
    if (question->rows > 0) {
        (void)snprintf(rows, sizeof(rows), "&rows=%lld", (long long)question->rows);
    }
    (void)snprintf(path, PATH_BYTES, "/v1/query?format=%s&seconds=%d%s%s", format,
                   question->seconds, rows, question->units ? "&units=yes" : "");
    return (struct daemon_request){.method = "POST",
                                   .path = slice_of(path),
                                   .body = question->sql,
                                   .headers = HEADERS,
                                   .timeout_ms = HUB_QUESTION_PATIENCE_MS};
}

/* --- as it comes ------------------------------------------------------------------------------ */

/* The last line is kept back until it is known to be one of the answer, and not what failed. */
struct relay {
    FILE *out;
    bool headless; /* the first line is still to be dropped */
    int number;    /* errno of what could not be written */
};

static bool put(struct relay *relay, struct buffer *body, size_t count) {
    if (count > 0 && fwrite(body->bytes, 1, count, relay->out) != count) {
        relay->number = errno != 0 ? errno : EIO;
        return false;
    }
    buffer_drop(body, count);
    return true;
}

static bool relay_some(void *owner, struct buffer *body) {
    struct relay *relay = owner;
    if (interrupt_came()) {
        return false;
    }
    if (relay->headless) {
        const size_t end = slice_find(buffer_slice(body), '\n');
        if (end == body->count) {
            return true;
        }
        buffer_drop(body, end + 1);
        relay->headless = false;
    }
    const char *last = body->count > 1 ? memrchr(body->bytes, '\n', body->count - 1) : NULL;
    return last == NULL || put(relay, body, (size_t)(last - body->bytes) + 1);
}

static status fail_as(struct slice class, struct slice text, struct error *err) {
    char word[CLASS_BYTES];
    (void)snprintf(word, sizeof(word), "%.*s", SLICE_ARGS(class));
    const status code = status_from_name(word);
    return fail(err, code != STATUS_OK && code != STATUS_COUNT ? code : STATUS_SYSTEM, "%.*s",
                SLICE_ARGS(text));
}

static status read_error(struct call *call, struct slice json, struct error *err) {
    struct value said;
    TRY(json_read(&call->arena, json, &said, err));
    const struct value *error = value_get(said, SLICE("error"));
    const struct value *class = error != NULL ? value_get(*error, SLICE("class")) : NULL;
    const struct value *text = error != NULL ? value_get(*error, SLICE("text")) : NULL;
    return class != NULL && text != NULL
               ? fail_as(value_text(*class), value_text(*text), err)
               : fail(err, STATUS_CORRUPT, "the hub's answer ends in the middle");
}

/* What was kept back of an answer that was cut: `error: CLASS: TEXT`, or its object. */
static status explain(struct call *call, const struct buffer *body, struct error *err) {
    struct slice line = slice_trim(buffer_slice(body));
    if (slice_starts(line, "{\"error\":")) {
        return read_error(call, line, err);
    }
    if (slice_starts(line, "error: ")) {
        line = slice_part(line, 7, line.count);
        const size_t colon = slice_find(line, ':');
        return fail_as(slice_part(line, 0, colon), slice_part(line, colon + 2, line.count), err);
    }
    return fail_while(err, "the answer was cut off");
}

status hub_question_relay(struct call *call, const struct hub_question *question,
                          const char *format, bool headless, FILE *out, struct error *err) {
    char path[PATH_BYTES];
    struct relay relay = {.out = out, .headless = headless};
    const struct http_sink sink = {.take = relay_some, .owner = &relay};
    const struct daemon_request request = request_for(question, format, path);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, DAEMON_ANSWER_BYTES_MAX);
    const status code = daemon_stream(call, &request, &sink, &body, err);
    if (code == STATUS_INTERRUPTED && relay.number == 0) {
        return fail(err, code, "interrupted");
    }
    if (code == STATUS_OFFLINE && body.count > 0) {
        return explain(call, &body, err);
    }
    if (code == STATUS_OK && !relay.headless && put(&relay, &body, body.count)) {
        return STATUS_OK;
    }
    return relay.number != 0 ? fail_errno(err, relay.number, "write the answer") : code;
}

/* --- row by row ------------------------------------------------------------------------------- */

struct asking {
    struct call *call;
    const struct hub_question_taker *taker;
    bool has_columns, ended;
    status code; /* of what was taken */
    struct error *err;
};

/* The first line is the beginning of the object, whose list of rows is closed here. */
static status take_head(struct asking *asking, struct slice line, struct error *err) {
    struct value head;
    const struct slice whole = arena_print(&asking->call->arena, "%.*s]}", SLICE_ARGS(line));
    if (whole.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    TRY(json_read(&asking->call->arena, whole, &head, err));
    const struct value *columns = value_get(head, SLICE("columns"));
    if (columns == NULL || columns->kind != VALUE_LIST) {
        return fail(err, STATUS_CORRUPT, "the hub's answer has no columns");
    }
    asking->has_columns = true;
    return asking->taker->columns(asking->taker->owner, *columns, err);
}

/* A row, or the end of the object: `]}`, `],"truncated":true}` or `],"error":{...}}`. */
static status take_line(struct asking *asking, struct slice line, struct error *err) {
    struct value row;
    if (!asking->has_columns) {
        return take_head(asking, line, err);
    }
    if (slice_is(line, "],\"truncated\":true}")) {
        asking->ended = true;
        asking->taker->more(asking->taker->owner);
        return STATUS_OK;
    }
    if (slice_starts(line, "],")) {
        const struct slice rest = slice_part(line, 2, line.count);
        const struct slice json = arena_print(&asking->call->arena, "{%.*s", SLICE_ARGS(rest));
        return json.bytes != NULL ? read_error(asking->call, json, err)
                                  : fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    if (slice_starts(line, "]")) {
        asking->ended = true;
        return STATUS_OK;
    }
    const size_t comma = slice_ends(line, ",") ? 1 : 0;
    TRY(json_read_wrapped(&asking->call->arena, slice_part(line, 0, line.count - comma), &row,
                          err));
    return asking->taker->row(asking->taker->owner, row, err);
}

static bool take_some(void *owner, struct buffer *body) {
    struct asking *asking = owner;
    struct slice rest = buffer_slice(body);
    size_t end = slice_find(rest, '\n');
    while (end < rest.count && asking->code == STATUS_OK) {
        asking->code = take_line(asking, slice_part(rest, 0, end), asking->err);
        rest = slice_part(rest, end + 1, rest.count);
        end = slice_find(rest, '\n');
    }
    buffer_drop(body, body->count - rest.count);
    return asking->code == STATUS_OK;
}

status hub_question_ask(struct call *call, const struct hub_question *question,
                        const struct hub_question_taker *taker, struct error *err) {
    char path[PATH_BYTES];
    struct error taken = {.code = STATUS_OK};
    struct asking asking = {.call = call, .taker = taker, .err = &taken};
    const struct http_sink sink = {.take = take_some, .owner = &asking};
    const struct daemon_request request = request_for(question, "json", path);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, DAEMON_ANSWER_BYTES_MAX);
    const status code = daemon_stream(call, &request, &sink, &body, err);
    if (asking.code != STATUS_OK) {
        return fail(err, asking.code, "%s", taken.text);
    }
    if (code == STATUS_OK && !asking.ended) {
        return fail(err, STATUS_CORRUPT, "the hub's answer ends in the middle");
    }
    return code;
}
