// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    TRY(daemon_check_name("agent", name, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/agents/%s", name));
    return listing_object(call, answer, err);
}

const struct command cmd_agent_show = {
    .noun = "agent",
    .verb = "show",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Show one agent: what it takes and gives, what it needs, how it fares",
    .example = "ebb agent show spam-lite",
    .asks_daemon = true,
    .run = run};
