// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_step.h"
#include "model/float16.h"

static status change(struct call *call, struct graph_model *model, struct float16_report *report,
                     struct error *err) {
    const struct float16_options options = {.keep_io = true};
    return call_has(call, "compute") ? float16_convert(model, &options, report, err)
                                     : float16_store(model, report, err);
}

static status run(struct call *call, struct error *err) {
    CLEANUP(model_step_done) struct model_step step = {0};
    struct float16_report report = {0};
    TRY(model_step_begin(call, "float16", &step, err));
    TRY(change(call, step.model, &report, err));
    if (report.tensor_count == 0) {
        return fail(err, STATUS_INVALID, "the model has no float32 weights of some size");
    }
    model_step_note(&step, arena_print(&call->arena,
                                       "%u tensors take two bytes a number, %u stay; %llu numbers "
                                       "became 0",
                                       report.tensor_count, report.kept_count,
                                       (unsigned long long)report.underflown));
    model_step_extra(&step, SLICE("tensors"), value_of_integer(report.tensor_count));
    model_step_extra(&step, SLICE("kept"), value_of_integer(report.kept_count));
    model_step_extra(&step, SLICE("underflown"), value_of_integer((int64_t)report.underflown));
    return model_step_end(call, &step, err);
}

static const struct command_option OPTIONS[] = {
    {"compute", NULL, "compute in float16 too, for accelerators; a usual processor is slower so"},
    MODEL_STEP_OPTIONS,
    {0}};

const struct command cmd_model_float16 = {
    .noun = "model",
    .verb = "float16",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Keep weights in two bytes each: half the file, as fast as before",
    .details =
        "The runtime makes float32 of them when it loads the model, so latency stays what it\n"
        "was. What does not fit into float16 stays float32 and is counted.\n",
    .example = "ebb model float16 model.onnx -o small.onnx",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
