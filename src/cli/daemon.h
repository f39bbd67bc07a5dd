/*
 * daemon: the device's daemon, or the hub's, as commands see it: questions over its Unix socket,
 * answers as values.
 *
 * Which socket: --socket, else EBB_SOCKET, else the first that is there of /run/ebb/ebb.sock and
 * $XDG_STATE_HOME/ebb/ebb.sock; of a hub: EBB_HUB_SOCKET, /var/lib/ebb-hub/hub.sock and
 * $XDG_STATE_HOME/ebb-hub/hub.sock. The daemon's own sentence becomes the error, its class the exit
 * code. Commands never open the device's database.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/value.h"
#include "cli/call.h"

enum { DAEMON_ANSWER_BYTES_MAX = 128 << 20, DAEMON_TIMEOUT_MS = 30000 };

struct daemon_request {
    const char *method;
    struct slice path;          /* with the query */
    struct slice body;          /* JSON, or empty */
    const char *const *headers; /* as in struct http_question */
    int64_t timeout_ms;         /* 0: DAEMON_TIMEOUT_MS */
};

/* The socket's path; it lives in the call's arena. */
status daemon_socket(struct call *call, struct slice *out_path, struct error *err);

/* Asks and reads the JSON that comes back into the call's arena. OFFLINE when nobody listens: names
 * the socket and `ebb serve`. */
status daemon_ask(struct call *call, const struct daemon_request *request, struct value *out_answer,
                  struct error *err);

/* The same with the bytes of the answer, whatever they are, appended to a buffer. */
status daemon_get_bytes(struct call *call, struct buffer *out, struct error *err,
                        const char *path_format, ...) __attribute__((format(printf, 4, 5)));

/* The same with a body that is taken as it comes; what the sink leaves is in `body`. */
struct http_sink;
status daemon_stream(struct call *call, const struct daemon_request *request,
                     const struct http_sink *sink, struct buffer *body, struct error *err);

/* "GET /v1/..." with the path made by a printf format. */
status daemon_get(struct call *call, struct value *out_answer, struct error *err,
                  const char *path_format, ...) __attribute__((format(printf, 4, 5)));

/* The daemon answers before it has opened agents and triggers: looks at a workflow's row, which is
 * asked for anew, until it is loaded, 10 s at most. INVALID with its fault when it does not run. */
status daemon_wait_loaded(struct call *call, struct value *row, struct error *err);

/* Lets time pass, for a command that asks again and again. */
void daemon_pause(int64_t ms);

/* A command that changes something: asks, and says "done: WHAT" on standard error; under --json the
 * answer goes to standard output; under --dry-run nothing is asked and "would WHAT" is said. */
status daemon_change(struct call *call, const struct daemon_request *request, struct slice what,
                     struct error *err);

/* The end of such a command: says "done: WHAT", and under --json writes the answer. */
status daemon_done(struct call *call, struct slice what, struct value answer, struct error *err);

/* INVALID unless the text is a lane's name; the nearest is named. */
status daemon_check_lane(const char *text, struct error *err);

/* INVALID unless the text may be a name (of a workflow, an agent, a result ...); `what` is the
 * noun. */
status daemon_check_name(const char *what, const char *text, struct error *err);

/* INVALID unless the text may be an id: 32 hexadecimal digits, with or without hyphens; `what` is
 * the noun with its article, `list` the command that shows ids. */
status daemon_check_id(const char *what, const char *list, const char *text, struct error *err);
