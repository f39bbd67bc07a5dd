// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const char *id = call_argument(call, 0);
    TRY(daemon_check_id("a token for access", "hub access list", id, err));
    const struct daemon_request request = {.method = "DELETE",
                                           .path = arena_print(&call->arena, "/v1/access/%s", id)};
    return daemon_change(call, &request, arena_print(&call->arena, "withdraw access %s", id), err);
}

const struct command cmd_hub_access_rm = {
    .noun = "hub access",
    .verb = "rm",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .summary = "Withdraw a program's token; what it brought stays",
    .example = "ebb hub access rm 3f0c1a9be2d477083f0c1a9be2d47708",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
