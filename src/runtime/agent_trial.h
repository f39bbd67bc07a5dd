/*
 * agent_trial: `ebb agent run NAME`: one call of one agent, outside any workflow.
 *
 * Thread: the program's first. Survives: nothing is kept.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct agent_trial {
    const char *name;          /* NAME or NAME@RANGE */
    const char *with;          /* JSON; NULL: {} */
    const char *const *files;  /* "input=PATH", ended by NULL: inputs that are blobs */
    const char *save;          /* folder for outputs that are blobs; NULL: they are only told of */
    const char *const *agents; /* folders, ended by NULL */
    int64_t timeout_ms;        /* 0: 30 s */
};

/* Prints the output as one line of JSON. */
status agent_trial_run(const struct agent_trial *trial, struct error *err);
