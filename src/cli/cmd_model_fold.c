// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_step.h"
#include "model/simplify.h"

static status run(struct call *call, struct error *err) {
    CLEANUP(model_step_done) struct model_step step = {0};
    struct simplify_counts counts;
    TRY(model_step_begin(call, "fold", &step, err));
    TRY(simplify_graph(step.model, &counts, err));
    step.is_lossless = true;
    model_step_note(&step, arena_print(&call->arena,
                                       "%u operators went into the layers beside them, %u were "
                                       "computed, %u activations are written shorter",
                                       counts.folded, counts.constants, counts.activations));
    return model_step_end(call, &step, err);
}

static const struct command_option OPTIONS[] = {MODEL_STEP_OPTIONS, {0}};

const struct command cmd_model_fold = {
    .noun = "model",
    .verb = "fold",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Compute in advance what is always the same, and lose nothing",
    .details = "Constants are computed, what is multiplied and added around a layer goes into its\n"
               "weights, activations are written as runtimes know them. The new model is held\n"
               "against the original and not written when it answers otherwise.\n",
    .example = "ebb model fold model.onnx --shape x=1x3x48x320 -o smaller.onnx",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
