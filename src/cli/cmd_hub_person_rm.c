// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/pairs.h"

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    const struct slice path = pairs_encode(&call->arena, slice_of(name));
    const struct daemon_request request = {
        .method = "DELETE", .path = arena_print(&call->arena, "/v1/people/%.*s", SLICE_ARGS(path))};
    return daemon_change(call, &request, arena_print(&call->arena, "remove %s", name), err);
}

const struct command cmd_hub_person_rm = {.noun = "hub person",
                                          .verb = "rm",
                                          .arguments = "NAME",
                                          .least = 1,
                                          .most = 1,
                                          .summary =
                                              "Let somebody log in no more; their sessions end",
                                          .example = "ebb hub person rm anna",
                                          .asks_hub = true,
                                          .dry_run = true,
                                          .run = run};
