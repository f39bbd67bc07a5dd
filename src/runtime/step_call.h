/*
 * step_call: a call of the agent of a run's current step, made ready: inputs, files, deadline, key.
 *
 * Not here: calling it, and what its answer means (agent_runner, each).
 * Thread: the run's; files are a worker's, since they block.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/run.h"

/* What goes in, as the agent's kind wants it. */
struct step_input {
    struct value with;  /* with files in place of blobs, for programs */
    struct value state; /* the same of what the step remembers */
    const char *folder; /* of the call's files; NULL: none. In the run's arena */
};

/* The current step's `with:`, checked against what the agent takes and with its defaults. */
status step_call_render(struct run *run, struct value *out_with, struct error *err);

/* Makes the files of a call where its agent wants some. Blocks. */
status step_call_files(struct run *run, struct value with, struct value state,
                       struct step_input *out_input, struct error *err);

/* A call from now on. `item` tells those of one step with `each` apart; 0 where it calls once. */
void step_call_fill(struct run *run, const struct step_input *input, uint32_t item,
                    struct agent_call *out_call);
