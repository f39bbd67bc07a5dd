// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const struct daemon_request request = {.method = "POST", .path = SLICE("/v1/sync/resume")};
    return daemon_change(call, &request, SLICE("resume sync"), err);
}

const struct command cmd_sync_resume = {.noun = "sync",
                                        .verb = "resume",
                                        .summary =
                                            "Go on sending to the hub after `ebb sync pause`",
                                        .example = "ebb sync resume",
                                        .asks_daemon = true,
                                        .dry_run = true,
                                        .run = run};
