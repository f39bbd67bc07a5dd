// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    TRY(daemon_check_name("workflow", name, err));
    const struct daemon_request request = {
        .method = "POST", .path = arena_print(&call->arena, "/v1/workflows/%s/stop", name)};
    return daemon_change(call, &request, arena_print(&call->arena, "stop workflow '%s'", name),
                         err);
}

const struct command cmd_workflow_stop = {
    .noun = "workflow",
    .verb = "stop",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Stop a workflow: its triggers rest, runs under way end, nothing is deleted",
    .example = "ebb workflow stop inbox-triage",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
