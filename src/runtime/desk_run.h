/*
 * desk_run: `ebb run FILE`: one workflow, here and now, no daemon, and no configuration but what is
 * named.
 *
 * Each result is a JSON line on standard output once it is durable, not before; talk goes to
 * standard error. It ends when every trigger has ended and nothing is left to do, or with a signal.
 *
 * Thread: the program's first. Survives: results, and under `runs: each` the runs.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct desk_options {
    const char *file;
    const char *data;        /* NULL: .ebb beside the file */
    const char *agents;      /* NULL: none */
    const char *event;       /* JSON of one event instead of the triggers; NULL: the triggers */
    const char *config;      /* the device's file; NULL: none */
    const char *const *sets; /* parameters, "NAME=VALUE", ended by NULL */
    bool traced;
};

/* OK, or the class of the first run that failed; faults of the file are INVALID and were printed.
 * INTERRUPTED: a signal came while events were not done with. */
status desk_run(const struct desk_options *options, struct error *err);
