// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "wire/token.h"

static status run(struct call *call, struct error *err) {
    const char *text = call_argument(call, 0);
    struct token_id id;
    if (!token_id_read(slice_of(text), &id)) {
        return fail(err, STATUS_INVALID,
                    "'%.40s' is no id of a token: 16 hexadecimal digits, as `ebb hub token list` "
                    "shows them",
                    text);
    }
    const struct daemon_request request = {
        .method = "DELETE", .path = arena_print(&call->arena, "/v1/tokens/%s", text)};
    return daemon_change(call, &request, arena_print(&call->arena, "withdraw token %s", text), err);
}

const struct command cmd_hub_token_rm = {
    .noun = "hub token",
    .verb = "rm",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .summary = "Withdraw a token; devices that have joined by it stay",
    .example = "ebb hub token rm 3f0c1a9be2d47708",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
