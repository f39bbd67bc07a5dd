// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/joining.h"
#include "wire/hub_address.h"
#include "wire/token.h"

/* What can be seen to be wrong before anybody is asked. */
static status check_token(struct call *call, const char *text, const char *hub, struct error *err) {
    struct token token;
    TRY(token_read(slice_of(text), &token, err));
    if (hub == NULL && token.addresses[0] == '\0') {
        return fail(err, STATUS_INVALID,
                    "the token does not say where its hub is: --hub HOST:PORT does");
    }
    if (call->dry_run) {
        (void)fprintf(call->talk, "would join the hub at %s\n",
                      hub != NULL ? hub : token.addresses);
    }
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    const char *name = call_option(call, "name");
    const char *hub = call_option(call, "hub");
    const char *text = call_argument(call, 0);
    struct hub_address address;
    if (name != NULL) {
        TRY(daemon_check_name("device", name, err));
    }
    if (hub != NULL && hub_address_read(slice_of(hub), &address, err) != STATUS_OK) {
        return fail_while(err, "--hub");
    }
    if (strcmp(text, "-") == 0) {
        call->argument_count =
            0; /* ebb-device reads it, so that it stands in no list of processes */
    } else {
        TRY(check_token(call, text, hub, err));
    }
    if (call->dry_run) {
        return STATUS_OK;
    }
    return joining_become(call, "join", err);
}

static const struct command_option OPTIONS[] = {
    {"name", "NAME", "what it wants to be called (as the device's file says, else its host)"},
    {"label", "NAME=VALUE", "a label of the device; may stand several times"},
    {"hub", "HOST:PORT", "where the hub is, before what the token says"},
    {"proxy", "URL", "http://[USER:PASSWORD@]HOST:PORT, by which the hub is reached"},
    {"data", "DIR", "the data folder (of the daemon that runs, else as for `ebb serve`)"},
    {"config", "FILE", "the device's configuration, as for `ebb serve`"},
    {0}};

const struct command cmd_join = {
    .verb = "join",
    .arguments = "TOKEN",
    .least = 1,
    .most = 1,
    .summary = "Join this device to a hub, by a token that the hub made",
    .details =
        "The token names the hub's key: no other hub is believed, and nothing is sent to one.\n"
        "What is interrupted is simply done again, by the same token, for a day.\n"
        "A daemon that runs is told and sends at once. With - for TOKEN it is read from\n"
        "standard input. `ebb hub token new` on the hub makes one.\n",
    .example = "ebb join EBB1-07QEXVQ...\n"
               "ebb join EBB1-07QEXVQ... --hub hub.example:8443 --name line-3 --label hall=b",
    .options = OPTIONS,
    .asks_daemon = true,
    .dry_run = true,
    .tells_json = true,
    .run = run};
