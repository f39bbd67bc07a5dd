// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/status"));
    return listing_object(call, answer, err);
}

const struct command cmd_hub_status = {
    .noun = "hub",
    .verb = "status",
    .summary = "Show what the hub has, who is connected, and whether anything is wrong",
    .example = "ebb hub status\n"
               "ebb hub status --json | jq .records",
    .asks_hub = true,
    .run = run};
