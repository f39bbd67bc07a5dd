// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "platform/file.h"

enum { EVENT_BYTES_MAX = 1 << 20, CHUNK_BYTES = 64 << 10, HEADERS_MAX = 3, KEY_BYTES_MAX = 255 };

static status read_input(struct buffer *out, struct error *err) {
    ssize_t count = 1;
    while (count > 0) {
        char *room = buffer_reserve(out, CHUNK_BYTES);
        if (room == NULL) {
            return out->failed == STATUS_FULL
                       ? fail(err, STATUS_FULL, "an event has at most %d bytes", EVENT_BYTES_MAX)
                       : buffer_status(out, err);
        }
        count = read(STDIN_FILENO, room, CHUNK_BYTES);
        if (count < 0 && errno == EINTR) {
            count = 1;
            continue;
        }
        if (count < 0) {
            return fail_errno(err, errno, "read standard input");
        }
        buffer_took(out, (size_t)count);
    }
    return STATUS_OK;
}

/* What is posted comes from one place. */
static status read_body(struct call *call, struct buffer *body, struct error *err) {
    const char *data = call_option(call, "data");
    const char *file = call_option(call, "file");
    const char *dash = call_argument(call, 1);
    if (dash != NULL && strcmp(dash, "-") != 0) {
        return fail(err, STATUS_INVALID,
                    "'%.80s': an event is given by --data or --file, or as - on standard input",
                    dash);
    }
    if ((data != NULL) + (file != NULL) + (dash != NULL) != 1) {
        return fail(err, STATUS_INVALID,
                    "one of --data JSON, --file FILE and - (standard input) says what is posted");
    }
    if (data != NULL) {
        buffer_add_text(body, data);
        return buffer_status(body, err);
    }
    if (dash != NULL || strcmp(file, "-") == 0) {
        return read_input(body, err);
    }
    return file_read(file, body, err);
}

/* "Idempotency-Key: KEY"; a line's end in it would begin another header. */
static status write_key(struct call *call, const char **out_header, struct error *err) {
    const char *key = call_option(call, "key");
    if (key == NULL) {
        return STATUS_OK;
    }
    bool shown = key[0] != '\0' && strlen(key) <= KEY_BYTES_MAX;
    for (const char *at = key; *at != '\0' && shown; at++) {
        shown = *at >= ' ' && *at <= '~';
    }
    if (!shown) {
        return fail(err, STATUS_INVALID, "--key has 1 to %d letters, digits and signs of ASCII",
                    KEY_BYTES_MAX);
    }
    *out_header = arena_print(&call->arena, "Idempotency-Key: %s", key).bytes;
    return *out_header != NULL ? STATUS_OK
                               : fail(err, STATUS_NO_MEMORY, "no memory for the question");
}

/* What does not fit is kept, and who posted it learns that it must be mended. */
static status answered(struct call *call, struct slice what, struct value answer,
                       struct error *err) {
    if (!slice_is(human_member(&call->arena, answer, "state"), "quarantined")) {
        return daemon_done(call, what, answer, err);
    }
    if (call->json) {
        TRY(call_write_json(call, answer, false, err));
    }
    const struct slice reason = human_member(&call->arena, answer, "reason");
    return fail(err, STATUS_INVALID,
                "the event does not fit and is kept aside (`ebb event list`): %.*s",
                SLICE_ARGS(reason));
}

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    const char *headers[HEADERS_MAX] = {call_has(call, "text") ? "Content-Type: text/plain"
                                                               : "Content-Type: application/json"};
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, EVENT_BYTES_MAX + CHUNK_BYTES);
    TRY(daemon_check_name("workflow", name, err));
    TRY(write_key(call, &headers[1], err));
    TRY(read_body(call, &body, err));
    const struct daemon_request request = {
        .method = "POST",
        .path = arena_print(&call->arena, "/v1/workflows/%s/events", name),
        .body = buffer_slice(&body),
        .headers = headers};
    const struct slice what = arena_print(&call->arena, "post an event to workflow '%s'", name);
    if (call->dry_run) {
        return daemon_change(call, &request, what, err);
    }
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_ask(call, &request, &answer, err));
    return answered(call, what, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"data", "JSON", "the event"},
    {"file", "FILE", "the event stands in this file; - is standard input"},
    {"text", NULL, "it is text, not JSON"},
    {"key", "KEY", "its id: what is posted again under the same key is the same event"},
    {0}};

const struct command cmd_event_post = {
    .noun = "event",
    .verb = "post",
    .arguments = "WORKFLOW [-]",
    .least = 1,
    .most = 2,
    .summary = "Hand an event to a workflow with a trigger `http`, and wait until it is taken",
    .example = "ebb event post readings --data '{\"t\":-18.4}' --key reading-48211\n"
               "jq -c . reading.json | ebb event post readings -",
    .options = OPTIONS,
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
