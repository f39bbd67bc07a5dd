// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const struct daemon_request request = {.method = "POST", .path = SLICE("/v1/sync/now")};
    return daemon_change(call, &request, SLICE("connect to the hub now"), err);
}

const struct command cmd_sync_now = {
    .noun = "sync",
    .verb = "now",
    .summary = "Connect to the hub at once, whatever the wait before the next try",
    .example = "ebb sync now",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
