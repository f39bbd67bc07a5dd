// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "platform/file.h"
#include "platform/json.h"

enum { BODY_BYTES_MAX = 1 << 16 };

/* A file is told from a name by its slash or its ending. */
static bool is_file(struct slice text) {
    return slice_find(text, '/') < text.count || slice_ends(text, ".yaml") ||
           slice_ends(text, ".yml") || slice_ends(text, ".json");
}

/* The daemon has another working folder, so the path must be whole. */
static status write_body(const char *path, struct buffer *out, struct error *err) {
    struct file_facts facts;
    TRY(file_facts(path, &facts, err));
    char whole[PATH_MAX];
    if (realpath(path, whole) == NULL) {
        return fail_errno(err, errno, "find %s", path);
    }
    buffer_add_text(out, "{\"file\":");
    json_write_text(out, slice_of(whole));
    buffer_add_text(out, "}");
    return buffer_status(out, err);
}

static status start(struct call *call, const struct daemon_request *request, struct slice what,
                    struct error *err) {
    if (call->dry_run) {
        return daemon_change(call, request, what, err);
    }
    struct value row = {.kind = VALUE_NULL};
    TRY(daemon_ask(call, request, &row, err));
    TRY(daemon_wait_loaded(call, &row, err));
    return daemon_done(call, what, row, err);
}

static status add_file(struct call *call, const char *path, struct error *err) {
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(write_body(path, &body, err));
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/workflows"), .body = buffer_slice(&body)};
    const status ended =
        start(call, &request, arena_print(&call->arena, "add %s and start it", path), err);
    if (ended == STATUS_INVALID) {
        (void)fprintf(call->talk, "`ebb check %s` shows every fault with its place\n", path);
    }
    return ended;
}

static status run(struct call *call, struct error *err) {
    const char *what = call_argument(call, 0);
    if (is_file(slice_of(what))) {
        return add_file(call, what, err);
    }
    TRY(daemon_check_name("workflow", what, err));
    const struct daemon_request request = {
        .method = "POST", .path = arena_print(&call->arena, "/v1/workflows/%s/start", what)};
    return start(call, &request, arena_print(&call->arena, "start workflow '%s'", what), err);
}

const struct command cmd_workflow_start = {
    .noun = "workflow",
    .verb = "start",
    .arguments = "NAME|FILE",
    .least = 1,
    .most = 1,
    .summary = "Start a stopped workflow, or add a file to this device and start it",
    .details = "A FILE (with a slash, or ending in .yaml) is copied into the daemon's data\n"
               "folder, together with the agents beside it; changing the file later changes\n"
               "nothing until it is started again.\n",
    .example = "ebb workflow start inbox-triage\n"
               "ebb workflow start ./too-warm.yaml",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
