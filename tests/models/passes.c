// SPDX-License-Identifier: Apache-2.0
#include "tests/models/passes.h"

#include "model/activation.h"
#include "model/bind.h"
#include "model/blocked.h"
#include "model/canonicalise.h"
#include "model/channel_prune.h"
#include "model/constant_fold.h"
#include "model/dynamic_quantize.h"
#include "model/equalize_graph.h"
#include "model/float16.h"
#include "model/fold.h"
#include "model/opset.h"
#include "model/prune.h"
#include "model/quantize.h"
#include "model/simplify.h"

/* Reads and writes: what is left out of a file by mistake is seen. */
static status rewrite(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    (void)err;
    model->changed = true;
    graph_forget_declared(model);
    *out_changes = graph_remove_dead(model);
    return STATUS_OK;
}

static status simplify(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    struct simplify_counts counts = {0};
    TRY(simplify_graph(model, &counts, err));
    *out_changes = counts.nodes_before - counts.nodes_after;
    return STATUS_OK;
}

static status fill_blocks(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return blocked_fill(model, 8, out_changes, err);
}

static status to_opset_13(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return opset_upgrade(model, 13, out_changes, err);
}

static status to_opset_17(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return opset_upgrade(model, 17, out_changes, err);
}

/* --- what changes numbers --- */

static status prune_nothing(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    const struct prune_options options = {.share = 0};
    return prune_weights(model, &options, out_changes, err);
}

static status prune_few(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    const struct prune_options options = {.share = 0.2};
    return prune_weights(model, &options, out_changes, err);
}

static status prune_share(struct graph_model *model, double share, uint32_t *out_changes,
                          struct error *err) {
    const struct channel_prune_options options = {
        .share = share, .score = CHANNEL_SCORE_FLOW, .multiple = 1};
    struct channel_cuts cuts;
    const status code = channel_prune_model(model, &options, &cuts, out_changes, err);
    channel_cuts_done(&cuts);
    return code;
}

static status prune_no_channels(struct graph_model *model, uint32_t *out_changes,
                                struct error *err) {
    return prune_share(model, 0, out_changes, err);
}

static status prune_channels(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return prune_share(model, 0.3, out_changes, err);
}

static status store_float16(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    struct float16_report report = {0};
    TRY(float16_store(model, &report, err));
    *out_changes = report.tensor_count;
    return STATUS_OK;
}

static status to_float16(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    const struct float16_options options = {.keep_io = true};
    struct float16_report report = {0};
    TRY(float16_convert(model, &options, &report, err));
    *out_changes = report.tensor_count;
    return STATUS_OK;
}

static status quantize_dynamically(struct graph_model *model, uint32_t *out_changes,
                                   struct error *err) {
    const struct dynamic_quantize_options options = {.adds_in_pairs = true};
    struct dynamic_quantize_report report = {0};
    TRY(dynamic_quantize(model, &options, &report, err));
    *out_changes = report.products + report.recurrences;
    return STATUS_OK;
}

/* Static, with one range for everything: what comes of it loads, and is as far off as that is. */
static status quantize_all(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    struct quantize_options options = {.activations = SCALE_UINT8};
    struct quantize_report report = {0};
    const struct slice *names;
    uint32_t count;
    TRY(opset_upgrade(model, QUANTIZE_OPSET_LEAST, &count, err));
    TRY(quantize_values(model, &names, &count, err));
    struct quantize_bound *bounds = arena_get(&model->arena, (size_t)count + 1, sizeof(*bounds));
    if (bounds == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for ranges");
    }
    for (uint32_t i = 0; i < count; i++) {
        bounds[i] = (struct quantize_bound){.value = names[i], .threshold = {.low = -2, .high = 6}};
    }
    options.bounds = bounds;
    options.bound_count = count;
    TRY(quantize(model, &options, &report, err));
    *out_changes = report.layers + report.between;
    return STATUS_OK;
}

/* A bug on purpose: the first float32 constant becomes zeros. */
static status planted(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    (void)err;
    *out_changes = 0;
    for (uint32_t i = 0; i < model->main.initializers.count; i++) {
        struct graph_value *value = model->main.initializers.items[i];
        void *bytes = NULL;
        const struct graph_tensor *old = graph_constant(value);
        if (old != NULL && old->type == ELEMENT_FLOAT32 && old->byte_count > 0) {
            value->tensor = graph_tensor_new(model, old->type, old->dims, old->rank, &bytes);
            model->changed = true;
            *out_changes = 1;
            return value->tensor != NULL ? STATUS_OK : STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

const struct test_pass TEST_PASSES[] = {
    {"rewrite", rewrite, TEST_PASS_EXACT},
    {"canonicalise", canonicalise_graph, TEST_PASS_EXACT},
    {"constant-fold", constant_fold_graph, TEST_PASS_EXACT},
    {"branches", bind_branches, TEST_PASS_EXACT},
    {"activation", activation_rewrite, TEST_PASS_EXACT},
    {"fold", fold_graph, TEST_PASS_EXACT},
    {"simplify", simplify, TEST_PASS_EXACT},
    {"blocked", fill_blocks, TEST_PASS_EXACT},
    {"equalize", equalize_graph, TEST_PASS_EXACT},
    {"opset-13", to_opset_13, TEST_PASS_EXACT},
    {"opset-17", to_opset_17, TEST_PASS_EXACT},
    {"prune-nothing", prune_nothing, TEST_PASS_EXACT},
    {"prune-few", prune_few, TEST_PASS_LOADS},
    {"prune-no-channels", prune_no_channels, TEST_PASS_EXACT},
    {"prune-channels", prune_channels, TEST_PASS_LOADS},
    {"float16-store", store_float16, 2e-3},
    {"float16", to_float16, 1e-2},
    {"dynamic", quantize_dynamically, 5e-2},
    {"quantize", quantize_all, TEST_PASS_LOADS},
    {"planted", planted, TEST_PASS_EXACT},
    {NULL, NULL, 0},
};
