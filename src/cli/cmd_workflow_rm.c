// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    TRY(daemon_check_name("workflow", name, err));
    if (call->dry_run) {
        struct value there = {.kind = VALUE_NULL};
        TRY(daemon_get(call, &there, err, "/v1/workflows/%s", name));
    }
    const struct daemon_request request = {
        .method = "DELETE", .path = arena_print(&call->arena, "/v1/workflows/%s", name)};
    return daemon_change(
        call, &request, arena_print(&call->arena, "take workflow '%s' off this device", name), err);
}

const struct command cmd_workflow_rm = {.noun = "workflow",
                                        .verb = "rm",
                                        .arguments = "NAME",
                                        .least = 1,
                                        .most = 1,
                                        .summary =
                                            "Take a workflow off this device; its results stay",
                                        .example = "ebb workflow rm inbox-triage --dry-run\n"
                                                   "ebb workflow rm inbox-triage",
                                        .asks_daemon = true,
                                        .dry_run = true,
                                        .run = run};
