// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/joining.h"

static status run(struct call *call, struct error *err) {
    if (call->dry_run) {
        (void)fprintf(call->talk, "would leave the hub and forget its key\n");
        return STATUS_OK;
    }
    return joining_become(call, "leave", err);
}

static const struct command_option OPTIONS[] = {
    {"data", "DIR", "the data folder (of the daemon that runs, else as for `ebb serve`)"},
    {"config", "FILE", "the device's configuration, as for `ebb serve`"},
    {0}};

const struct command cmd_leave = {
    .verb = "leave",
    .summary = "Leave the hub that this device has joined, and forget the key",
    .details =
        "The hub is told when it can be reached. Results that wait stay, and go to the hub that\n"
        "the device joins next.\n",
    .example = "ebb leave",
    .options = OPTIONS,
    .asks_daemon = true,
    .dry_run = true,
    .tells_json = true,
    .run = run};
