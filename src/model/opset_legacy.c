// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "model/opset_steps.h"
#include "model/value_types.h"

status opset_drop_hint(struct graph_node *node, struct error *err) {
    (void)err;
    graph_drop_attribute(node, "consumed_inputs");
    return STATUS_OK;
}

/* --- training, which later versions only do where they are told to --- */

/* Before 7 a node trains unless it is told that it does not. */
static status stop_training(struct graph_node *node, struct error *err) {
    if (graph_integer(node, "is_test", 0) == 0) {
        return opset_refuse(node, err, "it is made for training (is_test is 0)");
    }
    graph_drop_attribute(node, "is_test");
    return STATUS_OK;
}

status opset_batch_norm_7(struct graph_node *node, struct error *err) {
    TRY(stop_training(node, err));
    return opset_cut_outputs(node, 1)
               ? STATUS_OK
               : opset_refuse(node, err, "somebody needs an output that only training has");
}

status opset_batch_norm_9(struct graph_node *node, struct error *err) {
    if (graph_integer(node, "spatial", 1) == 0) {
        return opset_refuse(node, err, "it has numbers of its own for each place (spatial is 0)");
    }
    graph_drop_attribute(node, "spatial");
    return STATUS_OK;
}

status opset_batch_norm_14(struct graph_node *node, struct error *err) {
    return opset_cut_outputs(node, 1)
               ? STATUS_OK
               : opset_refuse(node, err, "somebody needs an output that only training has");
}

status opset_dropout_7(struct graph_node *node, struct error *err) {
    return stop_training(node, err);
}

/* --- one number for several --- */

/* Has the node take its input 1 with `more` dimensions of 1 behind its own. */
static status add_dimensions(struct graph_node *node, uint32_t more) {
    struct graph_value *value = graph_input(node, 1);
    const struct graph_tensor *tensor = graph_constant(value);
    uint32_t rank = 0;
    (void)value_rank(value, &rank);
    int64_t dims[GRAPH_RANK_MAX];
    for (uint32_t i = 0; i < rank + more; i++) {
        dims[i] = tensor == NULL ? i : i < rank ? tensor->dims[i] : 1;
    }
    struct graph_value *grown = NULL;
    if (tensor != NULL) {
        void *bytes = NULL;
        struct graph_tensor *copy =
            graph_tensor_new(node->graph->model, tensor->type, dims, rank + more, &bytes);
        if (copy == NULL) {
            return STATUS_NO_MEMORY;
        }
        (void)memcpy(bytes, tensor->bytes, tensor->byte_count);
        grown = graph_add_tensor(node->graph, value->name, copy);
    } else {
        struct graph_value *inputs[] = {
            value, graph_add_integers(node->graph, value->name, dims + rank, more, false)};
        struct graph_node *added =
            inputs[1] != NULL
                ? graph_add_node(node->graph, node, "Unsqueeze", inputs, 2, 1, value->name)
                : NULL;
        grown = added != NULL ? added->outputs[0] : NULL;
    }
    return grown != NULL ? graph_set_input(node, 1, grown) : STATUS_NO_MEMORY;
}

static bool is_one_number(const struct graph_value *value) {
    const struct graph_tensor *tensor = graph_constant(value);
    uint32_t rank;
    return (tensor != NULL && graph_tensor_count(tensor) == 1) ||
           (value_rank(value, &rank) && rank == 0);
}

/* The second lies on the first from dimension `axis` on; later versions have both end together. */
static status align(struct graph_node *node, int64_t axis, struct error *err) {
    uint32_t first;
    uint32_t second;
    if (is_one_number(graph_input(node, 1))) {
        return STATUS_OK;
    }
    if (!value_rank(graph_input(node, 0), &first) || !value_rank(graph_input(node, 1), &second)) {
        return opset_refuse(node, err, "how many dimensions its inputs have is not known");
    }
    if (axis < 0 || axis + second > first) {
        return opset_refuse(node, err, "its second input does not lie on the first");
    }
    const uint32_t more = first - second - (uint32_t)axis;
    return more > 0 ? add_dimensions(node, more) : STATUS_OK;
}

status opset_broadcast_7(struct graph_node *node, struct error *err) {
    const int64_t axis = graph_integer(node, "axis", -1);
    if (graph_integer(node, "broadcast", 0) != 0 && axis != -1) {
        TRY(align(node, axis, err));
    }
    graph_drop_attribute(node, "axis");
    graph_drop_attribute(node, "broadcast");
    return STATUS_OK;
}

/* A slope is one number, or has one for each channel. */
status opset_prelu_7(struct graph_node *node, struct error *err) {
    uint32_t rank;
    if (is_one_number(graph_input(node, 1))) {
        return STATUS_OK;
    }
    if (!value_rank(graph_input(node, 1), &rank) || rank != 1) {
        return opset_refuse(node, err, "its slopes are no vector");
    }
    return align(node, 1, err);
}

status opset_gemm_7(struct graph_node *node, struct error *err) {
    (void)err;
    graph_drop_attribute(node, "broadcast");
    return STATUS_OK;
}

/* --- types, names and defaults --- */

status opset_cast_6(struct graph_node *node, struct error *err) {
    static const char *const NAMES[ELEMENT_TYPE_COUNT] = {
        [ELEMENT_FLOAT32] = "FLOAT",       [ELEMENT_UINT8] = "UINT8",
        [ELEMENT_INT8] = "INT8",           [ELEMENT_UINT16] = "UINT16",
        [ELEMENT_INT16] = "INT16",         [ELEMENT_INT32] = "INT32",
        [ELEMENT_INT64] = "INT64",         [ELEMENT_BOOLEAN] = "BOOL",
        [ELEMENT_FLOAT16] = "FLOAT16",     [ELEMENT_FLOAT64] = "DOUBLE",
        [ELEMENT_UINT32] = "UINT32",       [ELEMENT_UINT64] = "UINT64",
        [ELEMENT_COMPLEX64] = "COMPLEX64", [ELEMENT_COMPLEX128] = "COMPLEX128",
    };
    const struct slice name = graph_text(node, "to");
    for (int i = 0; i < ELEMENT_TYPE_COUNT; i++) {
        if (NAMES[i] != NULL && slice_is(name, NAMES[i])) {
            return graph_set_integer(node, "to", i);
        }
    }
    return opset_refuse(node, err, "it does not name a type");
}

status opset_concat_4(struct graph_node *node, struct error *err) {
    (void)err;
    return graph_set_integer(node, "axis", graph_integer(node, "axis", 1));
}

status opset_gru_3(struct graph_node *node, struct error *err) {
    (void)err;
    return slice_is(graph_text(node, "direction"), "foward")
               ? graph_set_text(node, "direction", SLICE("forward"))
               : STATUS_OK;
}

status opset_recurrent_7(struct graph_node *node, struct error *err) {
    (void)err;
    graph_drop_attribute(node, "output_sequence");
    return STATUS_OK;
}

status opset_lp_pool_2(struct graph_node *node, struct error *err) {
    const float p = graph_number(node, "p", 2);
    if (!(p >= 1 && p < 1000) || p != (float)(int64_t)p) {
        return opset_refuse(node, err, "its p is no whole number");
    }
    if (graph_node_is(node, "LpPool") && graph_attribute(node, "kernel_shape") == NULL) {
        return opset_refuse(node, err, "it has no kernel_shape");
    }
    return graph_set_integer(node, "p", (int64_t)p);
}

status opset_pad_2(struct graph_node *node, struct error *err) {
    const struct graph_attribute *pads = graph_attribute(node, "paddings");
    if (pads == NULL || pads->kind != GRAPH_INTS) {
        return opset_refuse(node, err, "it has no paddings");
    }
    TRY(graph_set_integers(node, "pads", pads->integers, pads->count));
    graph_drop_attribute(node, "paddings");
    return STATUS_OK;
}

status opset_split_2(struct graph_node *node, struct error *err) {
    return node->input_count > 1 || graph_attribute(node, "axis") == NULL
               ? opset_refuse(node, err, "it does not say in attributes how to split")
               : STATUS_OK;
}

status opset_selu_6(struct graph_node *node, struct error *err) {
    (void)err;
    graph_drop_attribute(node, "consumed_inputs");
    TRY(graph_set_number(node, "alpha", graph_number(node, "alpha", 1.6732F)));
    return graph_set_number(node, "gamma", graph_number(node, "gamma", 1.0507F));
}

status opset_scatter_11(struct graph_node *node, struct error *err) {
    (void)err;
    graph_set_op(node, "ScatterElements");
    return STATUS_OK;
}

status opset_scan_9(struct graph_node *node, struct error *err) {
    return opset_refuse(node, err, "it scans each sequence of a batch by itself");
}

status opset_tile_6(struct graph_node *node, struct error *err) {
    return opset_refuse(node, err, "it repeats along one axis, which may be computed");
}
