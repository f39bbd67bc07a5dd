// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static status run(struct call *call, struct error *err) {
    const char *id = call_argument(call, 0);
    TRY(daemon_check_id("a run", "runs list", id, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/runs/%s", id));
    return listing_object(call, answer, err);
}

const struct command cmd_runs_show = {.noun = "runs",
                                      .verb = "show",
                                      .arguments = "ID",
                                      .least = 1,
                                      .most = 1,
                                      .summary = "Show one run and how far its steps came",
                                      .example = "ebb runs show 6f1d2c3e7a814b00a003000000000001",
                                      .asks_daemon = true,
                                      .run = run};
