/*
 * model_timing: how long a run of a changed model takes beside one of the model it was made of.
 *
 * For commands that keep only what is faster. Both run side by side, each in a process of its own
 * (model/profile), on a sample of the command's data; what is compared is CPU time, which a busy
 * machine hardly changes. They lie in a folder beside the result meanwhile, which is gone again
 * afterwards.
 *
 * Blocking, for seconds. Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/call.h"
#include "cli/model_data.h"
#include "model/interval.h"

struct model_timing {
    struct slice before, after; /* files of models */
    const char *folder;         /* of their external data; NULL: there is none */
    const char *beside;         /* the file that becomes the result */
};

/* Times the two: how many times the one before the one after takes. INVALID: one of them does not
 * load or run. */
status model_timing_run(struct call *call, struct model_data *data,
                        const struct model_timing *timing, struct interval *out_ratio,
                        struct error *err);
