// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/device_program.h"

static status run(struct call *call, struct error *err) {
    TRY(device_program_check_file(call_argument(call, 0), err));
    if (call->dry_run) {
        (void)fprintf(call->talk, "would put the hub of '%s' in place\n", call_argument(call, 0));
        return STATUS_OK;
    }
    return device_program_become_hub(call, "restore", err);
}

static const struct command_option OPTIONS[] = {
    {"data", "DIR", "where, a folder that holds no hub (/var/lib/ebb-hub for root)"},
    {"passphrase-file", "FILE", "its first line opens the key of a backup that was made with one"},
    {0}};

const struct command cmd_hub_restore = {
    .noun = "hub",
    .verb = "restore",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Put a hub in place out of a backup",
    .details =
        "Start it then with `ebb hub serve`. Devices notice that it is an older one, and send\n"
        "again what it lacks and they still have; for what is not there any more, a gap.\n",
    .example = "ebb hub restore /mnt/backup/hub.ebb --data /var/lib/ebb-hub\n"
               "ebb hub serve --data /var/lib/ebb-hub",
    .options = OPTIONS,
    .dry_run = true,
    .tells_json = true,
    .run = run};
