// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/device_program.h"

static status run(struct call *call, struct error *err) {
    TRY(device_program_check_level(call, err));
    return device_program_become_hub(call, "serve", err);
}

static const struct command_option OPTIONS[] = {
    {"data", "DIR", "where everything is kept (/var/lib/ebb-hub for root)"},
    {"config", "FILE", "hub.yaml: how much is kept (all, for ever), where results go besides"},
    {"listen", "ADDRESS:PORT", "where devices come to (:8443, every address)"},
    {"people", "ADDRESS:PORT",
     "where people and programs come to, who have no certificate (nowhere)"},
    {"names", "NAME,...", "names and addresses that devices reach it under (its host's name)"},
    {"authority", "FILE", "an authority of your own, in PEM, with what is above it"},
    {"authority-key", "FILE", "its key, in PEM, readable by its owner alone"},
    {"site", "NAME", "what this place is called in certificates (of the authority's key)"},
    {"device-life", "SPAN", "how long certificates of devices last, 7d to 825d (90d)"},
    {"socket", "PATH", "where `ebb hub` commands reach it (hub.sock in the data folder)"},
    {"log", "LEVEL", "how much to say: debug, info, warn or error"},
    {0}};

const struct command cmd_hub_serve = {
    .noun = "hub",
    .verb = "serve",
    .summary = "Run the hub in the foreground: it takes what devices send",
    .details =
        "It listens for devices, by TLS and with certificates of its own authority, which it\n"
        "makes at its first start. What it has acknowledged is on its disk. SIGTERM ends it.\n",
    .example = "ebb hub serve --data /var/lib/ebb-hub --names hub.example\n"
               "ebb hub status",
    .options = OPTIONS,
    .run = run};
