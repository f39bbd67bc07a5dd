// SPDX-License-Identifier: Apache-2.0
#include "model/simplify.h"

#include "model/activation.h"
#include "model/bind.h"
#include "model/canonicalise.h"
#include "model/constant_fold.h"
#include "model/fold.h"
#include "model/inferred.h"
#include "model/shape_fold.h"

static uint32_t count_nodes(const struct graph_model *model) {
    uint32_t count = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        count++;
    }
    return count;
}

/* Each pass adds what it found to its count. */
static status run_round(struct graph_model *model, bool asks, struct simplify_counts *counts,
                        uint32_t *out_changes, struct error *err) {
    const struct {
        status (*pass)(struct graph_model *model, uint32_t *out_changes, struct error *err);
        uint32_t *count;
    } passes[] = {
        {canonicalise_graph, &counts->canonical},   {shape_fold_graph, &counts->shapes},
        {constant_fold_graph, &counts->constants},  {bind_branches, &counts->branches},
        {activation_rewrite, &counts->activations}, {fold_graph, &counts->folded},
    };
    *out_changes = 0;
    if (asks) {
        TRY(inferred_types(model, err));
    }
    for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
        uint32_t changes = 0;
        TRY(passes[i].pass(model, &changes, err));
        *passes[i].count += changes;
        *out_changes += changes;
    }
    counts->rounds++;
    return STATUS_OK;
}

status simplify_graph(struct graph_model *model, struct simplify_counts *out_counts,
                      struct error *err) {
    struct simplify_counts counts = {.nodes_before = count_nodes(model)};
    uint32_t changes = 1;
    uint32_t asked_after = 0; /* shapes are asked for again when constants or branches are new */
    for (uint32_t round = 0; changes > 0 && round < SIMPLIFY_ROUNDS_MAX; round++) {
        const uint32_t settled = counts.shapes + counts.constants + counts.branches;
        const bool asks = round == 0 || settled > asked_after;
        asked_after = settled;
        TRY(run_round(model, asks, &counts, &changes, err));
    }
    counts.nodes_after = count_nodes(model);
    TRY(graph_verify(model, err));
    *out_counts = counts;
    return STATUS_OK;
}
