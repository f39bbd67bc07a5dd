// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/hub_devices.h"
#include "cli/human.h"
#include "cli/pairs.h"
#include "platform/json.h"

enum { BODY_BYTES_MAX = 64 << 10 };

/* What it may do, and for how long. */
static status write_bounds(const struct call *call, struct buffer *body, struct error *err) {
    const char *may = call_option(call, "may");
    const char *ttl = call_option(call, "ttl");
    int64_t ttl_ms = 0;
    if (may != NULL) {
        buffer_add_text(body, ",\"may\":");
        json_write_text(body, slice_of(may));
    }
    if (ttl == NULL) {
        return STATUS_OK;
    }
    if (!time_read_span(slice_of(ttl), &ttl_ms)) {
        return fail(err, STATUS_INVALID, "--ttl wants a span such as 90d, not '%.40s'", ttl);
    }
    buffer_print(body, ",\"ttl_ms\":%lld", (long long)ttl_ms);
    return STATUS_OK;
}

static status write_wish(struct call *call, struct buffer *body, struct error *err) {
    const char *name = call_argument(call, 0);
    const char **labels = NULL;
    size_t count = 0;
    if (!text_is_name(slice_of(name))) {
        return fail(err, STATUS_INVALID,
                    "'%.64s' cannot be the name of a program: names are small letters, digits and "
                    "'-', a letter first, at most 63",
                    name);
    }
    TRY(hub_devices_options(call, "label", &labels, &count, err));
    buffer_add_text(body, "{\"name\":");
    json_write_text(body, slice_of(name));
    buffer_add_text(body, ",\"labels\":");
    TRY(pairs_write(body, labels, count, false, err));
    TRY(write_bounds(call, body, err));
    buffer_add_byte(body, '}');
    return buffer_status(body, err);
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(write_wish(call, &body, err));
    if (call->dry_run) {
        (void)fprintf(call->talk, "would make a token for access\n");
        return STATUS_OK;
    }
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/access"), .body = buffer_slice(&body)};
    TRY(daemon_ask(call, &request, &answer, err));
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    (void)fprintf(call->out, "%.*s\n", SLICE_ARGS(human_member(&call->arena, answer, "token")));
    if (call_option(call, "may") == NULL) {
        (void)fprintf(call->talk,
                      "It is shown this once. What comes with it is of '%.*s':\n"
                      "  POST /api/sync?token=TOKEN on the port of `ebb hub serve --people`\n",
                      SLICE_ARGS(human_member(&call->arena, answer, "name")));
    } else {
        (void)fprintf(call->talk, "It is shown this once:\n  curl -H 'Authorization: Bearer TOKEN' "
                                  "http://ADDRESS/v1/results\n");
    }
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"label", "NAME=VALUE", "a label of what it brings; may stand several times"},
    {"may", "RIGHTS", "bring, read, operate or admin, several with commas; bring"},
    {"ttl", "SPAN", "how long it is good, such as 90d; for ever"},
    {0}};

const struct command cmd_hub_access_new = {
    .noun = "hub access",
    .verb = "new",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Make a token for a program, which has no certificate, and print it",
    .details =
        "With `bring` the program posts results in the guide's shape to /api/sync; they are\n"
        "listed under NAME, whatever device_id it says. With `read` it asks what is at /v1 on\n"
        "the people's port; with `operate` it labels devices, with `admin` it does all.\n",
    .example = "ebb hub access new old-gateway --label site=bremen\n"
               "ebb hub access new panel --may read --ttl 90d",
    .options = OPTIONS,
    .asks_hub = true,
    .dry_run = true,
    .run = run};
