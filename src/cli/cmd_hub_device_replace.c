// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/hub_devices.h"

static status run(struct call *call, struct error *err) {
    const char *before = call_argument(call, 0);
    const char *by = call_argument(call, 1);
    TRY(hub_devices_check(by, err));
    const struct slice body = arena_print(&call->arena, "{\"by\":\"%s\"}", by);
    const struct slice what = arena_print(
        &call->arena, "take what joined as '%s' for device '%s' from now on", by, before);
    if (body.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the question");
    }
    return hub_devices_change(call, before, "replace", body, what, err);
}

const struct command cmd_hub_device_replace = {
    .noun = "hub device",
    .verb = "replace",
    .arguments = "OLD NEW",
    .least = 2,
    .most = 2,
    .summary = "Put a new machine or card in the place of an old one, with its name and history",
    .details =
        "NEW has joined under a name of its own. From now on it is OLD: id, name, labels and what\n"
        "OLD has sent stay, what NEW has sent is joined to it, and OLD's certificates are over.\n"
        "Where the new one has not joined yet, a token for OLD does the same:\n"
        "`ebb hub token new --device OLD`.\n",
    .example = "ebb hub device replace line-3 line-3-2",
    .asks_hub = true,
    .dry_run = true,
    .run = run};
