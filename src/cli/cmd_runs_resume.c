// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const char *id = call_argument(call, 0);
    TRY(daemon_check_id("a run", "runs list", id, err));
    const struct daemon_request request = {
        .method = "POST", .path = arena_print(&call->arena, "/v1/runs/%s/resume", id)};
    return daemon_change(call, &request, arena_print(&call->arena, "try run %s again", id), err);
}

const struct command cmd_runs_resume = {
    .noun = "runs",
    .verb = "resume",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .summary = "Try a parked run again",
    .details = "A run is parked when the daemon ended three times while it was under way.\n",
    .example = "ebb runs list --parked\n"
               "ebb runs resume 6f1d2c3e7a814b00a003000000000001",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
