/*
 * hub_devices: what the commands about a hub's devices share.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "cli/call.h"

/* INVALID unless the text may be a device's name or id. */
status hub_devices_check(const char *text, struct error *err);

/* Every --NAME that was typed, in their order; *out_count of them, in the call's arena. */
status hub_devices_options(struct call *call, const char *name, const char ***out_texts,
                           size_t *out_count, struct error *err);

/* POST /v1/devices/DEVICE/VERB, or DELETE without a verb; "done: WHAT". */
status hub_devices_change(struct call *call, const char *device, const char *verb,
                          struct slice body, struct slice what, struct error *err);
