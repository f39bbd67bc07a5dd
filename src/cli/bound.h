/*
 * bound: what a workflow's file is bound to for a command that looks at it without a daemon: the
 * device's file and the parameters that were typed.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/call.h"
#include "wire/binding.h"

struct bound {
    struct device device;
    struct binding binding;
    bool known; /* a device's file or a parameter was named: there is something to be bound to */
};

/* Reads what --config and every --set say. Faults of the device's files are said on
 * standard error; INVALID then, NOT_FOUND without the file. Lives in the call's arena. */
status bound_read(struct call *call, struct bound *out_bound, struct error *err);

/* The binding, or NULL where nothing was named. */
const struct binding *bound_binding(const struct bound *bound);
