// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/device_program.h"

static status run(struct call *call, struct error *err) {
    TRY(device_program_check_level(call, err));
    const char *config = call_option(call, "config");
    if (config != NULL && device_program_check_file(config, err) != STATUS_OK) {
        return fail_while(err, "--config");
    }
    TRY(device_program_check_folder(call, "workflows", err));
    TRY(device_program_check_folder(call, "agents", err));
    return device_program_become(call, "serve", err);
}

static const struct command_option OPTIONS[] = {
    {"config", "FILE", "the device's configuration (/etc/ebb/device.yaml when it is there)"},
    {"data", "DIR", "where everything is kept"},
    {"workflows", "DIR", "run every workflow of this folder"},
    {"agents", "DIR", "look for agents here as well"},
    {"socket", "PATH", "where other commands reach the daemon"},
    {"log", "LEVEL", "how much to say: debug, info, warn or error"},
    {0}};

const struct command cmd_serve = {
    .verb = "serve",
    .summary = "Run the device's daemon in the foreground",
    .details =
        "It runs the workflows of its folder, keeps what they make, and answers on a Unix socket.\n"
        "SIGTERM ends it; SIGHUP reads the workflows again. Kill it any way you like: what was\n"
        "acknowledged is there afterwards.\n",
    .example = "ebb serve --data /var/lib/ebb --workflows /etc/ebb/workflows\n"
               "ebb status",
    .options = OPTIONS,
    .run = run};
