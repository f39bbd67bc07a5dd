// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "platform/json.h"

enum { BODY_BYTES_MAX = 4 << 10 };

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const char *role = call_option(call, "role");
    const bool by_proxy = call_has(call, "by-proxy");
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    buffer_add_text(&body, "{\"name\":");
    json_write_text(&body, slice_of(call_argument(call, 0)));
    buffer_add_text(&body, ",\"role\":");
    json_write_text(&body, slice_of(role != NULL ? role : "viewer"));
    buffer_add_text(&body, by_proxy ? ",\"password\":false}" : "}");
    TRY(buffer_status(&body, err));
    if (call->dry_run) {
        (void)fprintf(call->talk, "would make a log-in for %s\n", call_argument(call, 0));
        return STATUS_OK;
    }
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/people"), .body = buffer_slice(&body)};
    TRY(daemon_ask(call, &request, &answer, err));
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    if (!by_proxy) {
        (void)fprintf(call->out, "%.*s\n",
                      SLICE_ARGS(human_member(&call->arena, answer, "password")));
        (void)fprintf(call->talk, "This password is shown this once, and is changed at the first "
                                  "log-in.\n");
    }
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"role", "ROLE", "viewer (looks), operator (works with devices) or admin (does all); viewer"},
    {"by-proxy", NULL, "no password: a reverse proxy says who it is (hub.yaml)"},
    {0}};

const struct command cmd_hub_person_new = {
    .noun = "hub person",
    .verb = "new",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Let somebody log in at the hub's page, and print the first password",
    .example = "ebb hub person new anna --role operator",
    .options = OPTIONS,
    .asks_hub = true,
    .dry_run = true,
    .run = run};
