// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_step.h"
#include "model/opset.h"

static status run(struct call *call, struct error *err) {
    CLEANUP(model_step_done) struct model_step step = {0};
    int64_t target;
    uint32_t changes;
    TRY(call_number(call, "opset", OPSET_LEAST, OPSET_MOST, OPSET_LEAST, &target, err));
    TRY(model_step_begin(call, "upgrade", &step, err));
    const int64_t before = graph_opset(step.model);
    TRY(opset_upgrade(step.model, target, &changes, err));
    step.is_lossless = true;
    model_step_note(&step,
                    arena_print(&call->arena, "opset %lld, before %lld; %u nodes rewritten",
                                (long long)graph_opset(step.model), (long long)before, changes));
    model_step_extra(&step, SLICE("opset"), value_of_integer(graph_opset(step.model)));
    return model_step_end(call, &step, err);
}

static const struct command_option OPTIONS[] = {
    {"opset", "N", "the version of the operators, 13 to 17 (13)"}, MODEL_STEP_OPTIONS, {0}};

const struct command cmd_model_upgrade = {
    .noun = "model",
    .verb = "upgrade",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Bring a model to a newer version of the operators, and change no answer",
    .details =
        "From opset 13 on whole numbers have a scale for each channel, without which most\n"
        "models cannot be quantised. An operator whose meaning cannot be kept is named, and\n"
        "nothing is written.\n",
    .example = "ebb model upgrade model.onnx --opset 13 --shape x=1x3x48x320",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
