// SPDX-License-Identifier: Apache-2.0
#include "model/float16.h"

#include "model/float16_tensor.h"

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

/* --- the file alone --- */

/* Operators whose scales are to be exact, or that may want to see weights where they are. */
static const char EXACT[] = "DequantizeLinear QLinearConv QLinearMatMul QuantizeLinear";

static bool may_store(const struct graph_value *value) {
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor == NULL || tensor->type != ELEMENT_FLOAT32 ||
        tensor->byte_count < FLOAT16_STORE_BYTES_MIN || graph_is_output(value)) {
        return false;
    }
    for (const struct graph_use *use = value->uses; use != NULL; use = use->next) {
        if (!graph_node_is_standard(use->node) || graph_node_is_any(use->node, EXACT)) {
            return false;
        }
    }
    return value->uses != NULL;
}

static status store(struct graph_value *value, struct float16_report *report, struct error *err) {
    struct graph *graph = value->graph;
    const struct graph_tensor *tensor = graph_constant(value);
    if (!may_store(value)) {
        return STATUS_OK;
    }
    if (!float16_fits(tensor, report)) {
        report->kept_count++;
        return STATUS_OK;
    }
    struct graph_value *half =
        graph_add_tensor(graph, value->name, float16_tensor(graph->model, tensor));
    struct graph_node *cast =
        half != NULL ? graph_add_node(graph, graph->first, "Cast", &half, 1, 1, value->name) : NULL;
    if (cast == NULL || graph_set_integer(cast, "to", ELEMENT_FLOAT32) != STATUS_OK ||
        graph_replace(value, cast->outputs[0]) != STATUS_OK) {
        return no_memory(err);
    }
    report->tensor_count++;
    report->cast_count++;
    return STATUS_OK;
}

/* Initializers are added behind those that were there, and are no float32. */
static status store_initializers(struct graph *graph, struct float16_report *report,
                                 struct error *err) {
    const uint32_t count = graph->initializers.count;
    for (uint32_t i = 0; i < count; i++) {
        TRY(store(graph->initializers.items[i], report, err));
    }
    return STATUS_OK;
}

status float16_store(struct graph_model *model, struct float16_report *out_report,
                     struct error *err) {
    struct float16_report report = {0};
    if (graph_opset(model) < FLOAT16_OPSET_LEAST) {
        return fail(err, STATUS_INVALID, "float16 is for models of opset %d and newer",
                    FLOAT16_OPSET_LEAST);
    }
    TRY(store_initializers(&model->main, &report, err));
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (node->graph->owner != NULL && node->before == NULL) {
            TRY(store_initializers(node->graph, &report, err));
        }
        if (graph_node_is(node, "Constant") && graph_output(node, 0) != NULL) {
            TRY(store(node->outputs[0], &report, err));
        }
    }
    (void)graph_remove_dead(model);
    *out_report = report;
    return graph_verify(model, err);
}
