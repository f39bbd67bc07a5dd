// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/hub_devices.h"

static status run(struct call *call, struct error *err) {
    const char *device = call_argument(call, 0);
    return hub_devices_change(
        call, device, "revoke", SLICE(""),
        arena_print(&call->arena, "revoke every certificate of device '%s'", device), err);
}

const struct command cmd_hub_revoke = {
    .noun = "hub",
    .verb = "revoke",
    .arguments = "DEVICE",
    .least = 1,
    .most = 1,
    .summary = "Deny a device from its next request on: all of its certificates are over",
    .details =
        "For a device that is lost or stolen. It keeps its name and what it has sent. When it\n"
        "is back in good hands, `ebb hub token new --device DEVICE` lets it join again as\n"
        "what it was, after `ebb leave` on it.\n",
    .example = "ebb hub revoke line-3",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
