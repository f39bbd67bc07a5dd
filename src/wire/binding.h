/*
 * binding: what a workflow is bound to where it runs: the device's file, the environment, what was
 * said on the command line.
 *
 * A parameter's value comes from the first of: --set (the last word of that name), the variable
 * EBB__WORKFLOWS__NAME__PARAMS__PARAM, the device's files (the last one that says it), its default.
 * A reading without a binding (`ebb check FILE`) knows the defaults alone and asks for nothing
 * more.
 *
 * Plain data, not owned by who is handed it; any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/device.h"

struct binding {
    const struct device *device; /* NULL: there is none */
    const char *file;        /* where to write what is missing, for sentences; NULL: not known */
    const char *const *sets; /* "PARAM=VALUE" or "WORKFLOW.PARAM=VALUE", ended by NULL; or NULL */
    const char *(*environment)(const char *name); /* getenv, or a test's; NULL: none */
    bool kept; /* the text is of a run that was kept: names that it does not know are passed over */
};

/* Where to write what is missing, in the words of a sentence. */
const char *binding_file(const struct binding *binding);
