// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/hub_devices.h"
#include "cli/pairs.h"

enum { BODY_BYTES_MAX = 64 << 10, LABELS_MAX = 64 };

static status run(struct call *call, struct error *err) {
    const char *device = call_argument(call, 0);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(pairs_write(&body, call->arguments + 1, call->argument_count - 1, true, err));
    return hub_devices_change(call, device, "labels", buffer_slice(&body),
                              arena_print(&call->arena, "label device '%s'", device), err);
}

const struct command cmd_hub_device_label = {
    .noun = "hub device",
    .verb = "label",
    .arguments = "DEVICE NAME=VALUE...",
    .least = 2,
    .most = 1 + LABELS_MAX,
    .summary = "Label a device, for lists and for what is sent down to groups of devices",
    .details = "NAME= without a value takes a label away.\n",
    .example = "ebb hub device label line-3 hall=b old=",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
