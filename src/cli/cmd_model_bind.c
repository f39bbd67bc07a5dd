// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_step.h"
#include "model/bind.h"
#include "model/simplify.h"

static status bind_size(struct graph_model *model, struct slice text, struct error *err) {
    const size_t equals = slice_find(text, '=');
    uint64_t size;
    if (!text_number(slice_part(text, equals + 1, text.count), INT32_MAX, &size) || size < 1) {
        return fail(err, STATUS_INVALID, "--dim wants NAME=SIZE, like batch=1, not '%.*s'",
                    SLICE_ARGS(text));
    }
    return bind_dim(model, slice_part(text, 0, equals), (int64_t)size, err);
}

static status bind_set(struct graph_model *model, struct slice text, struct error *err) {
    const size_t equals = slice_find(text, '=');
    return bind_input(model, slice_part(text, 0, equals), slice_part(text, equals + 1, text.count),
                      err);
}

static status bind_all(struct call *call, struct graph_model *model, struct error *err) {
    uint32_t count = 0;
    for (size_t i = 0; i < call->value_count; i++) {
        const struct call_value *at = &call->values[i];
        const bool is_set = strcmp(at->option->name, "set") == 0;
        if (is_set || strcmp(at->option->name, "dim") == 0) {
            TRY(is_set ? bind_set(model, slice_of(at->text), err)
                       : bind_size(model, slice_of(at->text), err));
            count++;
        }
    }
    return count > 0 ? STATUS_OK
                     : fail(err, STATUS_INVALID,
                            "nothing is bound: --set INPUT=NUMBER or --dim NAME=SIZE is missing");
}

static status run(struct call *call, struct error *err) {
    CLEANUP(model_step_done) struct model_step step = {0};
    struct simplify_counts counts;
    uint32_t branches = 0;
    TRY(model_step_begin(call, "bind", &step, err));
    TRY(bind_all(call, step.model, err));
    TRY(bind_branches(step.model, &branches, err));
    TRY(simplify_graph(step.model, &counts, err));
    step.is_lossless = true;
    branches += counts.branches;
    model_step_note(&step, arena_print(&call->arena, "branches that are settled: %u", branches));
    model_step_extra(&step, SLICE("branches"), value_of_integer(branches));
    return model_step_end(call, &step, err);
}

static const struct command_option OPTIONS[] = {
    {"dim", "NAME=SIZE", "a size that is always the same: batch=1, or x.0=1 by its place"},
    MODEL_STEP_OPTIONS,
    {0}};

const struct command cmd_model_bind = {
    .noun = "model",
    .verb = "bind",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Settle inputs and sizes that never change, and the branches that hang on them",
    .details =
        "An input that --set names is none any more. A branch that can no longer be taken\n"
        "goes, with all that it needed. Nothing else changes: the new model is held against\n"
        "the original, given the same numbers.\n",
    .example = "ebb model bind silero_vad.onnx --set sr=16000 --shape input=1x576 -o vad.onnx",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
