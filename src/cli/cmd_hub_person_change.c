// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/pairs.h"
#include "platform/json.h"

enum { BODY_BYTES_MAX = 4 << 10 };

/* What is to be done, as a verb of the API. */
static status choose(const struct call *call, const char **out_verb, struct error *err) {
    const bool wishes[] = {call_option(call, "role") != NULL, call_has(call, "new-password"),
                           call_has(call, "unlock"), call_has(call, "log-out")};
    static const char *const VERBS[] = {"role", "reset", "unlock", "log-out"};
    int count = 0;
    for (int i = 0; i < 4; i++) {
        count += wishes[i] ? 1 : 0;
        *out_verb = wishes[i] ? VERBS[i] : *out_verb;
    }
    return count == 1 ? STATUS_OK
                      : fail(err, STATUS_INVALID,
                             "say one of --role ROLE, --new-password, --unlock and --log-out");
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const char *verb = NULL;
    const char *role = call_option(call, "role");
    const char *name = call_argument(call, 0);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(choose(call, &verb, err));
    buffer_add_text(&body, "{\"role\":");
    json_write_text(&body, slice_of(role != NULL ? role : ""));
    buffer_add_byte(&body, '}');
    TRY(buffer_status(&body, err));
    const struct slice path = pairs_encode(&call->arena, slice_of(name));
    const struct daemon_request request = {
        .method = "POST",
        .path = arena_print(&call->arena, "/v1/people/%.*s/%s", SLICE_ARGS(path), verb),
        .body = buffer_slice(&body)};
    if (call->dry_run) {
        (void)fprintf(call->talk, "would change %s (%s)\n", name, verb);
        return STATUS_OK;
    }
    TRY(daemon_ask(call, &request, &answer, err));
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    if (slice_is(slice_of(verb), "reset")) {
        (void)fprintf(call->out, "%.*s\n",
                      SLICE_ARGS(human_member(&call->arena, answer, "password")));
        (void)fprintf(call->talk, "This password is shown this once, and is changed at the next "
                                  "log-in.\n");
    }
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"role", "ROLE", "viewer, operator or admin from now on"},
    {"new-password", NULL, "a new first password, which is printed; the sessions end"},
    {"unlock", NULL, "after too many wrong passwords"},
    {"log-out", NULL, "the sessions end"},
    {0}};

const struct command cmd_hub_person_change = {
    .noun = "hub person",
    .verb = "change",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Change somebody's role or password, unlock them, or end their sessions",
    .example = "ebb hub person change anna --role admin",
    .options = OPTIONS,
    .asks_hub = true,
    .dry_run = true,
    .run = run};
