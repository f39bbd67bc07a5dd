// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const struct daemon_request request = {.method = "POST", .path = SLICE("/v1/sync/pause")};
    return daemon_change(call, &request, SLICE("pause sync"), err);
}

const struct command cmd_sync_pause = {
    .noun = "sync",
    .verb = "pause",
    .summary =
        "Send nothing more to the hub but control and urgent, until resumed or the daemon ends",
    .example = "ebb sync pause",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
