// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/device_program.h"
#include "cli/rerun.h"

static status run(struct call *call, struct error *err) {
    TRY(device_program_check_level(call, err));
    TRY(device_program_check_file(call_argument(call, 0), err));
    const char *config = call_option(call, "config");
    if (config != NULL && device_program_check_file(config, err) != STATUS_OK) {
        return fail_while(err, "--config");
    }
    TRY(device_program_check_json(call, "event", err));
    TRY(device_program_check_folder(call, "agents", err));
    return call_has(call, "watch") ? rerun(call, err) : device_program_become(call, "run", err);
}

static const struct command_option OPTIONS[] = {
    {"data", "DIR", "where results are kept (.ebb beside the file)"},
    {"event", "JSON", "run once, with this as the event's data, instead of the triggers"},
    {"set", "PARAM=VALUE", "a parameter's value; may stand several times"},
    {"config", "FILE", "a device's file: values of parameters, sources, destinations"},
    {"trace", NULL, "show every step's input, output and time on standard error"},
    {"agents", "DIR", "look for agents here as well as in agents/ beside the file"},
    {"watch", NULL, "run again at each change of the file or of an agent, until Ctrl-C"},
    {"log", "LEVEL", "how much to say: debug, info, warn or error"},
    {0}};

const struct command cmd_run = {
    .verb = "run",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Run a workflow here and now; print each result as a line of JSON",
    .details =
        "No daemon and no configuration are needed. A result is printed once it is on disk, not\n"
        "before. It ends when the triggers do (standard input at its end), or with Ctrl-C.\n"
        "With --watch it begins anew when the file, an agent.yaml or a file that one names was\n"
        "written; each run is given all of standard input again, so that has to end (a file).\n",
    .example =
        "echo '{\"room\":\"a1\",\"t\":-12.5}' | ebb run examples/too-warm/too-warm.yaml\n"
        "ebb run examples/too-warm/too-warm.yaml --event '{\"room\":\"a1\",\"t\":-12.5}' --trace",
    .options = OPTIONS,
    .run = run};
