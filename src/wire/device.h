/*
 * device: what a device's own files say: its name and labels, its store, what it sets about
 * workflows.
 *
 * One file is read here, on top of what others said before it: a later file wins. Which files there
 * are is wire/device_file's business. A setting comes from the first of: command line (the
 * caller's), EBB__SECTION__KEY in the environment, the files, its default.
 *
 * Plain data in an arena of the caller's; any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "wire/fault.h"

enum { DEVICE_FILE_BYTES_MAX = 1 << 20 };

/* What the files say of one parameter of a workflow; the newest is first. */
struct device_param {
    struct slice workflow, name;
    struct value value;
    struct slice origin; /* "FILE:LINE:COLUMN" */
    const struct device_param *next;
};

struct device {
    struct slice name;   /* empty: the host's name, which the caller knows */
    struct value labels; /* an object of texts */
    struct slice time_zone;
    struct slice path;    /* store.path: the data folder; empty: the caller's default */
    int64_t budget_bytes; /* store.budget; 0: the store's default */
    int64_t commit_ms;    /* store.commit; 0: the next commit takes it */
    const struct device_param *params; /* of all workflows */
};

/* Reads a file's text into the device, which holds what earlier files said, or nothing. INVALID
 * with *out_faults when it has faults: then the device stays as it was. */
status device_read(struct arena *arena, struct slice file, struct slice text, struct device *device,
                   struct fault_list **out_faults, struct error *err);

/* Puts EBB__DEVICE__NAME, EBB__STORE__PATH, EBB__STORE__BUDGET and EBB__STORE__COMMIT in. `get` is
 * getenv, or a test's. INVALID names the variable. */
status device_override(struct arena *arena, struct device *device,
                       const char *(*get)(const char *name), struct error *err);

/* What expressions see as $device: {name, labels, time_zone}. */
status device_value(struct arena *arena, const struct device *device, struct value *out_value,
                    struct error *err);
