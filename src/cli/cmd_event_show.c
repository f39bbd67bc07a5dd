// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const char *id = call_argument(call, 0);
    struct value answer = {.kind = VALUE_NULL};
    if (id[0] == '\0' || strspn(id, "0123456789") != strlen(id)) {
        return fail(err, STATUS_INVALID, "'%.40s' is no number, as `ebb event list` shows", id);
    }
    TRY(daemon_get(call, &answer, err, "/v1/events/%.40s", id));
    return call_write_json(call, answer, !call->json, err);
}

const struct command cmd_event_show = {
    .noun = "event",
    .verb = "show",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .summary = "Show an event that is kept aside whole: what came, and why it does not fit",
    .example = "ebb event show 17\n"
               "ebb event show 17 --json | jq .event.data | ebb event post cold-room -",
    .asks_daemon = true,
    .run = run};
