// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "platform/json.h"
#include "platform/seal.h"
#include "platform/secret.h"

enum { BODY_BYTES_MAX = 16 << 10, LOOK_MS = 100 };

static status write_passphrase(struct call *call, struct buffer *body, struct error *err) {
    const char *path = call_option(call, "passphrase-file");
    CLEANUP(secret_forget) struct buffer passphrase;
    buffer_init(&passphrase, SEAL_PASSPHRASE_FILE_BYTES_MAX);
    if (path == NULL) {
        return STATUS_OK;
    }
    if (call_has(call, "without-key")) {
        return fail(err, STATUS_INVALID,
                    "--passphrase-file seals the key, and --without-key leaves it out: say one");
    }
    TRY(seal_read_passphrase(path, &passphrase, err));
    if (!text_is_utf8(buffer_slice(&passphrase))) {
        return fail(err, STATUS_INVALID, "'%.300s': a passphrase is text, in UTF-8", path);
    }
    buffer_add_text(body, ",\"passphrase\":");
    json_write_text(body, buffer_slice(&passphrase));
    return STATUS_OK;
}

/* The hub makes it, and knows nothing of our folder. */
static status write_wish(struct call *call, struct buffer *body, struct error *err) {
    const char *path = call_argument(call, 0);
    char folder[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(folder, sizeof(folder)) == NULL) {
        return fail_errno(err, errno, "look where this is");
    }
    const struct slice whole =
        arena_print(&call->arena, "%s%s%s", folder, *folder != '\0' ? "/" : "", path);
    buffer_add_text(body, "{\"path\":");
    json_write_text(body, whole);
    buffer_print(body, ",\"key\":%s", call_has(call, "without-key") ? "false" : "true");
    TRY(write_passphrase(call, body, err));
    buffer_add_byte(body, '}');
    return buffer_status(body, err);
}

static bool is_running(struct call *call, struct value answer) {
    return slice_is(human_member(&call->arena, answer, "state"), "running");
}

static status wait_done(struct call *call, struct value *answer, struct error *err) {
    while (is_running(call, *answer)) {
        const int64_t all = human_number(*answer, "bytes");
        const int64_t done = human_number(*answer, "copied_bytes");
        terminal_progress(&call->terminal, call->talk, "copying",
                          all > 0 ? (double)done / (double)all : 0, "");
        daemon_pause(LOOK_MS);
        arena_reset(&call->arena);
        TRY(daemon_get(call, answer, err, "/v1/backup"));
    }
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    CLEANUP(secret_forget) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(write_wish(call, &body, err));
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/backup"), .body = buffer_slice(&body)};
    if (call->dry_run) {
        const struct slice what =
            arena_print(&call->arena, "back the hub up to '%s'", call_argument(call, 0));
        return daemon_change(call, &request, what, err);
    }
    TRY(daemon_ask(call, &request, &answer, err));
    const status waited = wait_done(call, &answer, err);
    terminal_progress_done(&call->terminal, call->talk);
    TRY(waited);
    const struct slice what = arena_print(
        &call->arena, "back up %lld records and %lld devices to '%.*s'%s",
        (long long)human_number(answer, "records"), (long long)human_number(answer, "devices"),
        SLICE_ARGS(human_member(&call->arena, answer, "path")),
        call_has(call, "without-key")       ? ""
        : call_has(call, "passphrase-file") ? ", which holds the hub's key, sealed"
                                            : ", which holds the hub's key");
    return daemon_done(call, what, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"without-key", NULL, "leave out the authority's key, which is kept elsewhere then"},
    {"passphrase-file", "FILE", "seal the key in it by the first line of this file"},
    {0}};

const struct command cmd_hub_backup = {
    .noun = "hub",
    .verb = "backup",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Back up all that the hub has into one file, while it runs",
    .details =
        "The hub writes the file (mode 0600), so it must be able to. Unless told otherwise it\n"
        "holds the key that devices believe: keep it as you would keep that, or seal the key by\n"
        "a passphrase; what devices brought stands there as it is. When the backup is on the\n"
        "disk, devices are told how far it goes, and give up those records first when they need\n"
        "the room. An older backup of that name is replaced when the new one is whole.\n",
    .example = "ebb hub backup /mnt/backup/hub.ebb\n"
               "ebb hub restore /mnt/backup/hub.ebb --data /var/lib/ebb-hub",
    .options = OPTIONS,
    .asks_hub = true,
    .dry_run = true,
    .run = run};
