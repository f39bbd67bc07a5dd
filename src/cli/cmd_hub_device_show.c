// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/hub_devices.h"
#include "cli/listing.h"

static status run(struct call *call, struct error *err) {
    const char *device = call_argument(call, 0);
    struct value answer = {.kind = VALUE_NULL};
    TRY(hub_devices_check(device, err));
    TRY(daemon_get(call, &answer, err, "/v1/devices/%s", device));
    return listing_object(call, answer, err);
}

const struct command cmd_hub_device_show = {
    .noun = "hub device",
    .verb = "show",
    .arguments = "DEVICE",
    .least = 1,
    .most = 1,
    .summary = "Show one device: labels, what it is, its certificates, its alarms",
    .example = "ebb hub device show line-3",
    .asks_hub = true,
    .run = run};
