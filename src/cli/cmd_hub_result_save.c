// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/blob.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/attachment_file.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/json.h"

enum { LOOK_MS = 500, WAIT_MS = 5 * 60 * 1000, ATTACHED_MAX = 16, BODY_BYTES_MAX = 1024 };

static const int64_t NS_PER_MS = 1000000;

/* A field of the result that names a blob; not in the arena, which is emptied while we wait. */
struct attached {
    char name[256], hash[ID_HEX_BYTES + 1], type[BLOB_TYPE_BYTES_MAX + 1];
};

struct saving {
    char device[64]; /* its id */
    struct attached items[ATTACHED_MAX];
    int count;
    int64_t wait_ms;
};

/* --- what there is --------------------------------------------------------------------------- */

static void add_field(struct saving *saving, const struct member *field) {
    const struct value *hash = value_get(field->value, SLICE(JSON_BLOB));
    const struct value *type = value_get(field->value, SLICE("type"));
    struct id id;
    if (hash == NULL || type == NULL || !text_is_field(field->name) ||
        !id_read(value_text(*hash), &id) || saving->count == ATTACHED_MAX) {
        return;
    }
    struct attached *item = &saving->items[saving->count++];
    (void)snprintf(item->name, sizeof(item->name), "%.*s", SLICE_ARGS(field->name));
    (void)snprintf(item->type, sizeof(item->type), "%.*s", SLICE_ARGS(value_text(*type)));
    id_write_hex(id, item->hash);
}

static status find_attached(struct call *call, const char *id, struct saving *saving,
                            struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/results/%s", id));
    const struct value *result = value_get(answer, SLICE("result"));
    (void)snprintf(saving->device, sizeof(saving->device), "%.*s",
                   SLICE_ARGS(human_member(&call->arena, answer, "device")));
    for (uint32_t i = 0; result != NULL && result->kind == VALUE_OBJECT && i < result->count; i++) {
        add_field(saving, &result->members[i]);
    }
    return saving->count > 0 ? STATUS_OK
                             : fail(err, STATUS_NOT_FOUND,
                                    "result %s has no attachment; `ebb hub result show %s` shows "
                                    "what it has",
                                    id, id);
}

/* --- waiting --------------------------------------------------------------------------------- */

static status ask_for(struct call *call, const struct saving *saving, const struct attached *item,
                      struct value *out_state, struct error *err) {
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    buffer_add_text(&body, "{\"device\":");
    json_write_text(&body, slice_of(saving->device));
    buffer_add_byte(&body, '}');
    const struct daemon_request request = {
        .method = "POST",
        .path = arena_print(&call->arena, "/v1/blobs/%s/want", item->hash),
        .body = buffer_slice(&body)};
    return daemon_ask(call, &request, out_state, err);
}

static bool is_state(struct call *call, struct value state, const char *word) {
    return slice_is(human_member(&call->arena, state, "state"), word);
}

static status say_why(struct call *call, const struct attached *item, struct value state,
                      struct error *err) {
    static const struct {
        const char *word, *text;
    } REASONS[] = {
        {"gone", "the device has it no more"},
        {"kept",
         "it may not leave the device (`egress: never`, `privacy`, or a result that stays)"},
        {"too_large", "it is larger than what is sent to a hub"},
        {"damaged", "what came was not what its hash says"},
        {"removed", "it made room for others at the hub: ask again"}};
    const char *why = "it did not come";
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++) {
        why = is_state(call, state, REASONS[i].word) ? REASONS[i].text : why;
    }
    return fail(err, STATUS_NOT_FOUND, "attachment '%s': %s", item->name, why);
}

static void show_progress(struct call *call, const struct attached *item, struct value state) {
    const int64_t bytes = human_number(state, "bytes");
    const int64_t have = human_number(state, "have");
    terminal_progress(&call->terminal, call->talk, item->name,
                      bytes > 0 ? (double)have / (double)bytes : 0,
                      bytes > 0 ? "" : "the device hears of it with its next report");
}

/* It was asked for: until it is here, or will not come, or `wait_ms` are over. */
static status wait_for(struct call *call, const struct saving *saving, const struct attached *item,
                       struct value state, struct error *err) {
    const int64_t end_ns = clock_monotonic_ns() + saving->wait_ms * NS_PER_MS;
    while (is_state(call, state, "wanted")) {
        if (clock_monotonic_ns() > end_ns) {
            return fail(err, STATUS_TIMEOUT,
                        "attachment '%s' has not come within %lld s; the hub still waits for it: "
                        "ask again later",
                        item->name, (long long)(saving->wait_ms / 1000));
        }
        show_progress(call, item, state);
        daemon_pause(LOOK_MS);
        arena_reset(&call->arena);
        TRY(daemon_get(call, &state, err, "/v1/blobs/%s/want", item->hash));
    }
    return is_state(call, state, "here") ? STATUS_OK : say_why(call, item, state, err);
}

static status bring(struct call *call, const struct saving *saving, const struct attached *item,
                    struct error *err) {
    struct value state = {.kind = VALUE_NULL};
    TRY(ask_for(call, saving, item, &state, err));
    const status waited = wait_for(call, saving, item, state, err);
    terminal_progress_done(&call->terminal, call->talk);
    return waited;
}

static status read_wait(struct call *call, struct saving *saving, struct error *err) {
    const char *wait = call_option(call, "wait");
    saving->wait_ms = WAIT_MS;
    return wait == NULL || time_read_span(slice_of(wait), &saving->wait_ms)
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "--wait wants a span such as 90s or 5m, not '%.40s'",
                      wait);
}

/* All are asked for before the first is waited for: they come together. */
static status run(struct call *call, struct error *err) {
    struct saving saving = {.count = 0};
    const char *id = call_argument(call, 0);
    const char *given = call_option(call, "to");
    const char *folder = given != NULL ? given : ".";
    struct value state = {.kind = VALUE_NULL};
    TRY(daemon_check_id("a result", "hub result list", id, err));
    TRY(read_wait(call, &saving, err));
    TRY(find_attached(call, id, &saving, err));
    for (int i = 0; i < saving.count && !call->dry_run; i++) {
        TRY(ask_for(call, &saving, &saving.items[i], &state, err));
    }
    if (!call->dry_run) {
        TRY(file_make_folder(folder, err));
    }
    for (int i = 0; i < saving.count; i++) {
        if (!call->dry_run) {
            TRY(bring(call, &saving, &saving.items[i], err));
        }
        TRY(attachment_file_save(call, folder, slice_of(saving.items[i].name),
                                 slice_of(saving.items[i].type), slice_of(saving.items[i].hash),
                                 err));
    }
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"to", "FOLDER", "where to write them; the current folder"},
    {"wait", "SPAN", "how long to wait for each, such as 90s; 5m"},
    {0}};

const struct command cmd_hub_result_save = {
    .noun = "hub result",
    .verb = "save",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .options = OPTIONS,
    .summary = "Bring what a result attaches from its device, and write it to files",
    .details =
        "Attachments stay on the device until somebody asks for them. The device hears of it\n"
        "with its next report, each minute or so, and sends them when nothing more urgent\n"
        "waits; what has come is at the hub for the next one who asks.\n",
    .example = "ebb hub result save 6f1d2c3e-7a81-8b00-8003-000000000001 --to pictures",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
