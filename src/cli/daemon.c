// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/text.h"
#include "platform/http_client.h"
#include "platform/json.h"
#include "wire/lane.h"

enum { LOADING_LOOKS_MAX = 200, LOADING_PAUSE_MS = 50 };
enum { WORD_SHOWN_MAX = 80, PATH_BYTES_MAX = 1024, HTTP_OK = 200, HTTP_REDIRECT = 300 };

/* Where a daemon of a kind listens when nobody says it. */
struct usual_socket {
    const char *variable; /* of the environment */
    const char *system;
    const char *user; /* below the user's folder of state */
    const char *noun; /* what listens there */
    const char *verb; /* that starts one */
};

static const struct usual_socket DEVICE_SOCKET = {"EBB_SOCKET", "/run/ebb/ebb.sock", "ebb/ebb.sock",
                                                  "daemon", "serve"};
static const struct usual_socket HUB_SOCKET = {"EBB_HUB_SOCKET", "/var/lib/ebb-hub/hub.sock",
                                               "ebb-hub/hub.sock", "hub", "hub serve"};

static const struct usual_socket *usual(const struct call *call) {
    return call->command != NULL && call->command->asks_hub ? &HUB_SOCKET : &DEVICE_SOCKET;
}

/* Where the daemon of a normal user listens; empty when that user has no home. */
static struct slice user_socket(struct arena *arena, const struct usual_socket *usual) {
    const char *state = getenv("XDG_STATE_HOME");
    if (state != NULL && state[0] == '/') {
        return arena_print(arena, "%s/%s", state, usual->user);
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/') {
        return SLICE("");
    }
    return arena_print(arena, "%s/.local/state/%s", home, usual->user);
}

status daemon_socket(struct call *call, struct slice *out_path, struct error *err) {
    const char *said = call->socket != NULL ? call->socket : call_option(call, "socket");
    if (said == NULL) {
        said = getenv(usual(call)->variable);
    }
    if (said != NULL && *said != '\0') {
        *out_path = slice_of(said);
        return STATUS_OK;
    }
    const struct slice system = slice_of(usual(call)->system);
    if (access(system.bytes, F_OK) == 0) {
        *out_path = system;
        return STATUS_OK;
    }
    const struct slice mine = user_socket(&call->arena, usual(call));
    if (mine.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the socket's path");
    }
    const bool is_there = mine.count > 0 && access(mine.bytes, F_OK) == 0;
    *out_path = is_there ? mine : system;
    return STATUS_OK;
}

/* The daemon's own class and sentence from {"error":{"class","text"}}. */
static status read_refusal(int code, struct value answer, struct error *err) {
    const struct value *error = value_get(answer, SLICE("error"));
    const struct value *text = error != NULL ? value_get(*error, SLICE("text")) : NULL;
    const struct value *class_name = error != NULL ? value_get(*error, SLICE("class")) : NULL;
    if (text == NULL || class_name == NULL) {
        return fail(err, STATUS_CORRUPT, "the daemon answers with code %d and no reason", code);
    }
    char word[WORD_SHOWN_MAX];
    (void)snprintf(word, sizeof(word), "%.*s", SLICE_ARGS(value_text(*class_name)));
    const status named = status_from_name(word);
    const bool known = named != STATUS_COUNT && named != STATUS_OK;
    return fail(err, known ? named : STATUS_SYSTEM, "%.*s", SLICE_ARGS(value_text(*text)));
}

/* What came, a refusal included. */
static status ask_bytes(struct call *call, const struct daemon_request *request,
                        const struct http_sink *sink, int *out_code, struct buffer *body,
                        struct error *err) {
    struct slice socket = {0};
    TRY(daemon_socket(call, &socket, err));
    const struct http_question question = {
        .socket_path = socket.bytes,
        .method = request->method,
        .path = request->path,
        .body = request->body,
        .headers = request->headers,
        .sink = sink,
        .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DAEMON_TIMEOUT_MS};
    const status ended = http_ask(&question, out_code, body, err);
    if (ended == STATUS_OFFLINE) {
        return fail(err, STATUS_OFFLINE, "no %s answers on %.*s; `ebb %s` starts one",
                    usual(call)->noun, SLICE_ARGS(socket), usual(call)->verb);
    }
    if (ended == STATUS_DENIED) {
        return fail(err, STATUS_DENIED,
                    "this user may not ask the daemon on %.*s: ask as root, as its user, or in the "
                    "socket's group",
                    SLICE_ARGS(socket));
    }
    if (ended != STATUS_OK) {
        return fail_while(err, "ask the daemon on %.*s", SLICE_ARGS(socket));
    }
    return STATUS_OK;
}

static status read_answer(struct call *call, int code, const struct buffer *body,
                          struct value *out_answer, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    if (json_read_wrapped(&call->arena, buffer_slice(body), &answer, err) != STATUS_OK) {
        return fail_while(err, "read the daemon's answer (code %d)", code);
    }
    if (code < HTTP_OK || code >= HTTP_REDIRECT) {
        return read_refusal(code, answer, err);
    }
    *out_answer = answer;
    return STATUS_OK;
}

status daemon_ask(struct call *call, const struct daemon_request *request, struct value *out_answer,
                  struct error *err) {
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, DAEMON_ANSWER_BYTES_MAX);
    int code = 0;
    TRY(ask_bytes(call, request, NULL, &code, &body, err));
    return read_answer(call, code, &body, out_answer, err);
}

__attribute__((format(printf, 2, 0))) static status
print_path(char path[PATH_BYTES_MAX], const char *format, va_list args, struct error *err) {
    const int count = vsnprintf(path, PATH_BYTES_MAX, format, args);
    if (count < 0 || count >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "what is asked for is too long");
    }
    return STATUS_OK;
}

status daemon_get_bytes(struct call *call, struct buffer *out, struct error *err,
                        const char *path_format, ...) {
    char path[PATH_BYTES_MAX];
    va_list args;
    va_start(args, path_format);
    const status code = print_path(path, path_format, args, err);
    va_end(args);
    TRY(code);
    const struct daemon_request request = {.method = "GET", .path = slice_of(path)};
    int answered = 0;
    TRY(ask_bytes(call, &request, NULL, &answered, out, err));
    if (answered >= HTTP_OK && answered < HTTP_REDIRECT) {
        return STATUS_OK;
    }
    struct value none;
    return read_answer(call, answered, out, &none, err);
}

status daemon_stream(struct call *call, const struct daemon_request *request,
                     const struct http_sink *sink, struct buffer *body, struct error *err) {
    struct value none;
    int code = 0;
    TRY(ask_bytes(call, request, sink, &code, body, err));
    return code == HTTP_OK ? STATUS_OK : read_answer(call, code, body, &none, err);
}

status daemon_get(struct call *call, struct value *out_answer, struct error *err,
                  const char *path_format, ...) {
    char path[PATH_BYTES_MAX];
    va_list args;
    va_start(args, path_format);
    const status code = print_path(path, path_format, args, err);
    va_end(args);
    TRY(code);
    const struct daemon_request request = {.method = "GET", .path = slice_of(path)};
    return daemon_ask(call, &request, out_answer, err);
}

void daemon_pause(int64_t ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static bool has_state(struct value row, const char *state) {
    const struct value *member = value_get(row, SLICE("state"));
    return member != NULL && slice_is(value_text(*member), state);
}

status daemon_wait_loaded(struct call *call, struct value *row, struct error *err) {
    const struct value *member = value_get(*row, SLICE("name"));
    const struct slice name = member != NULL ? value_text(*member) : SLICE("");
    for (int i = 0; i < LOADING_LOOKS_MAX && has_state(*row, "loading"); i++) {
        daemon_pause(LOADING_PAUSE_MS);
        TRY(daemon_get(call, row, err, "/v1/workflows/%.*s", SLICE_ARGS(name)));
    }
    if (has_state(*row, "faulty")) {
        const struct value *fault = value_get(*row, SLICE("fault"));
        return fail(err, STATUS_INVALID, "workflow '%.*s' does not run: %.*s", SLICE_ARGS(name),
                    SLICE_ARGS(fault != NULL ? value_text(*fault) : SLICE("-")));
    }
    return STATUS_OK;
}

status daemon_change(struct call *call, const struct daemon_request *request, struct slice what,
                     struct error *err) {
    if (request->path.bytes == NULL || what.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the question");
    }
    if (call->dry_run) {
        (void)fprintf(call->talk, "would %.*s\n", SLICE_ARGS(what));
        return STATUS_OK;
    }
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_ask(call, request, &answer, err));
    return daemon_done(call, what, answer, err);
}

status daemon_done(struct call *call, struct slice what, struct value answer, struct error *err) {
    (void)fprintf(call->talk, "done: %.*s\n", SLICE_ARGS(what));
    return call->json ? call_write_json(call, answer, false, err) : STATUS_OK;
}

status daemon_check_lane(const char *text, struct error *err) {
    if (lane_from_name(slice_of(text)) != LANE_COUNT) {
        return STATUS_OK;
    }
    const char *names[LANE_COUNT + 1] = {NULL};
    for (int i = 0; i < LANE_COUNT; i++) {
        names[i] = lane_name((enum lane)i);
    }
    const char *nearest = text_nearest(slice_of(text), names);
    if (nearest != NULL) {
        return fail(err, STATUS_INVALID, "'%.*s' is no lane; did you mean '%s'?", WORD_SHOWN_MAX,
                    text, nearest);
    }
    return fail(err, STATUS_INVALID,
                "'%.*s' is no lane; lanes are control, urgent, high, normal, low, telemetry, bulk "
                "and local",
                WORD_SHOWN_MAX, text);
}

status daemon_check_name(const char *what, const char *text, struct error *err) {
    if (text_is_name(slice_of(text))) {
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID,
                "'%.*s' cannot be the name of %s %s: names are small letters, digits and '-'",
                WORD_SHOWN_MAX, text, what[0] == 'a' ? "an" : "a", what);
}

status daemon_check_id(const char *what, const char *list, const char *text, struct error *err) {
    struct id id;
    if (id_read(slice_of(text), &id)) {
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID,
                "'%.*s' is no id of %s: an id is 32 hexadecimal digits, as `ebb %s` shows",
                WORD_SHOWN_MAX, text, what, list);
}
