// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/float16.h"
#include "model/opset_steps.h"
#include "model/value_types.h"

/* Has the node take at `index` what its attribute says, or an empty list. */
static status move_list(struct graph_node *node, const char *name, uint32_t index) {
    static const int64_t NONE = 0;
    const struct graph_attribute *list = graph_attribute(node, name);
    const bool is_there = list != NULL && list->kind == GRAPH_INTS && list->count > 0;
    TRY(opset_give_integers(node, index, is_there ? list->integers : &NONE,
                            is_there ? list->count : 0, false));
    graph_drop_attribute(node, name);
    return STATUS_OK;
}

/* The same where nothing at all means what an empty list did. */
static status move_option(struct graph_node *node, const char *name, uint32_t index) {
    const struct graph_attribute *list = graph_attribute(node, name);
    if (list != NULL && list->count > 0) {
        return move_list(node, name, index);
    }
    graph_drop_attribute(node, name);
    return STATUS_OK;
}

/* The number as one of that type. false: it has no fractions. */
static bool write_number(float number, enum element_type type, char out_bytes[8]) {
    const uint16_t half = float16_from_float(number);
    const double wide = number;
    switch (type) {
    case ELEMENT_FLOAT32:
        (void)memcpy(out_bytes, &number, sizeof(number));
        return true;
    case ELEMENT_FLOAT16:
        (void)memcpy(out_bytes, &half, sizeof(half));
        return true;
    case ELEMENT_FLOAT64:
        (void)memcpy(out_bytes, &wide, sizeof(wide));
        return true;
    default:
        return false;
    }
}

/* Has the node take the number in the attribute at `index`, of the type of its first input. */
static status move_number(struct graph_node *node, const char *name, uint32_t index,
                          struct error *err) {
    if (graph_attribute(node, name) == NULL) {
        return STATUS_OK;
    }
    char number[8];
    void *bytes = NULL;
    const enum element_type type = value_element(graph_input(node, 0));
    if (!write_number(graph_number(node, name, 0), type, number)) {
        return opset_refuse(node, err, "of which type its input is, is not known");
    }
    struct graph_tensor *tensor = graph_tensor_new(node->graph->model, type, NULL, 0, &bytes);
    if (tensor == NULL) {
        return STATUS_NO_MEMORY;
    }
    (void)memcpy(bytes, number, tensor->byte_count);
    struct graph_value *given = graph_add_tensor(node->graph, graph_node_called(node), tensor);
    graph_drop_attribute(node, name);
    return given != NULL ? graph_set_input(node, index, given) : STATUS_NO_MEMORY;
}

status opset_reshape_5(struct graph_node *node, struct error *err) {
    (void)err;
    graph_drop_attribute(node, "consumed_inputs");
    return move_list(node, "shape", 1);
}

/* Without axes they are the first ones, as many as there are starts. */
status opset_slice_10(struct graph_node *node, struct error *err) {
    const struct graph_attribute *starts = graph_attribute(node, "starts");
    const struct graph_attribute *ends = graph_attribute(node, "ends");
    if (starts == NULL || ends == NULL || starts->count != ends->count ||
        starts->count > GRAPH_RANK_MAX) {
        return opset_refuse(node, err, "its starts and ends do not go together");
    }
    if (graph_attribute(node, "axes") == NULL) {
        int64_t axes[GRAPH_RANK_MAX];
        for (uint32_t i = 0; i < starts->count; i++) {
            axes[i] = i;
        }
        TRY(graph_set_integers(node, "axes", axes, starts->count));
    }
    TRY(move_list(node, "starts", 1));
    TRY(move_list(node, "ends", 2));
    return move_list(node, "axes", 3);
}

status opset_top_k_10(struct graph_node *node, struct error *err) {
    (void)err;
    const int64_t k = graph_integer(node, "k", 0);
    graph_drop_attribute(node, "k");
    return opset_give_integers(node, 1, &k, 1, false);
}

status opset_clip_11(struct graph_node *node, struct error *err) {
    TRY(move_number(node, "min", 1, err));
    return move_number(node, "max", 2, err);
}

status opset_pad_11(struct graph_node *node, struct error *err) {
    TRY(move_list(node, "pads", 1));
    if (graph_number(node, "value", 0) == 0) {
        graph_drop_attribute(node, "value");
    }
    return move_number(node, "value", 2, err);
}

/* The ratio is for who trains on. Inference does not look at it, but refuses an input that is none,
 * which as an attribute was nobody's concern. */
status opset_dropout_12(struct graph_node *node, struct error *err) {
    if (!opset_cut_outputs(node, 1)) {
        return opset_refuse(node, err,
                            "somebody needs its mask, which has other numbers or types now");
    }
    const float ratio = graph_number(node, "ratio", 0.5F);
    graph_drop_attribute(node, "ratio");
    if (!(ratio >= 0 && ratio < 1)) {
        return STATUS_OK;
    }
    struct graph_value *given =
        graph_add_floats(node->graph, graph_node_called(node), &ratio, 1, true);
    return given != NULL ? graph_set_input(node, 1, given) : STATUS_NO_MEMORY;
}

status opset_axes_13(struct graph_node *node, struct error *err) {
    (void)err;
    return graph_node_is(node, "Unsqueeze") ? move_list(node, "axes", 1)
                                            : move_option(node, "axes", 1);
}

status opset_split_13(struct graph_node *node, struct error *err) {
    (void)err;
    return move_option(node, "split", 1);
}
