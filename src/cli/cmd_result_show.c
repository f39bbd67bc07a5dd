// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"

static status run(struct call *call, struct error *err) {
    const char *id = call_argument(call, 0);
    TRY(daemon_check_id("a result", "result list", id, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/results/%s", id));
    return call_write_json(call, answer, !call->json, err);
}

const struct command cmd_result_show = {.noun = "result",
                                        .verb = "show",
                                        .arguments = "ID",
                                        .least = 1,
                                        .most = 1,
                                        .summary = "Show one result whole",
                                        .example =
                                            "ebb result show 6f1d2c3e-7a81-8b00-a003-000000000001",
                                        .asks_daemon = true,
                                        .run = run};
