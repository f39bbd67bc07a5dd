// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/device_program.h"

static status run(struct call *call, struct error *err) {
    TRY(daemon_check_name("agent", call_argument(call, 0), err));
    TRY(device_program_check_json(call, "with", err));
    TRY(device_program_check_folder(call, "agents", err));
    return device_program_become(call, "agent-run", err);
}

static const struct command_option OPTIONS[] = {
    {"with", "JSON", "its inputs, an object"},
    {"file", "INPUT=PATH", "an input that is a picture, sound or a file; may stand several times"},
    {"save", "DIR", "write pictures, sound and files that it gives here"},
    {"agents", "DIR", "look for agents here (else in agents/ of this folder)"},
    {0}};

const struct command cmd_agent_run = {
    .noun = "agent",
    .verb = "run",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Call an agent once, without a workflow or a daemon, and print its output",
    .example = "ebb agent run spam-lite --agents examples/inbox-triage/agents \\\n"
               "    --with '{\"text\":\"You have won a prize\"}'\n"
               "ebb agent run find-faces --file image=photo.jpg",
    .options = OPTIONS,
    .run = run};
