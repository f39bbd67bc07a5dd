// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/hub_devices.h"

static status run(struct call *call, struct error *err) {
    const char *device = call_argument(call, 0);
    return hub_devices_change(call, device, NULL, SLICE(""),
                              arena_print(&call->arena, "take device '%s' off this hub", device),
                              err);
}

const struct command cmd_hub_device_rm = {
    .noun = "hub device",
    .verb = "rm",
    .arguments = "DEVICE",
    .least = 1,
    .most = 1,
    .summary = "Take a device off the hub: it may not come in, and its name is free again",
    .details =
        "What it has sent stays. It cannot be undone; a device that comes back joins anew.\n",
    .example = "ebb hub device rm line-3 --dry-run\n"
               "ebb hub device rm line-3",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
