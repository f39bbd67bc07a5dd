// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_layer.h"

#include <math.h>

enum { CONV_RANK_MIN = 3, CONV_RANK_MAX = 5 };

/* --- layers --- */

static bool is_floats(const struct graph_tensor *tensor) {
    return tensor != NULL && tensor->type == ELEMENT_FLOAT32 && tensor->byte_count > 0;
}

/* A bias that is not there, or has a number for each channel. */
static bool read_bias(struct quantize_layer *layer) {
    const struct graph_value *value = graph_input(layer->node, 2);
    layer->bias = graph_constant(value);
    return value == NULL ||
           (is_floats(layer->bias) && layer->bias->rank > 0 &&
            graph_tensor_count(layer->bias) == layer->layout.count &&
            layer->bias->dims[layer->bias->rank - 1] == (int64_t)layer->layout.count);
}

static bool read_conv(struct quantize_layer *layer) {
    const struct graph_tensor *weights = layer->weights;
    if (weights->rank < CONV_RANK_MIN || weights->rank > CONV_RANK_MAX) {
        return false;
    }
    const size_t channels = (size_t)weights->dims[0];
    const size_t inputs = (size_t)weights->dims[1];
    const size_t taps = (size_t)graph_tensor_count(weights) / channels / inputs;
    layer->axis = 0;
    layer->layout = channels_of(weights->dims, weights->rank, 0);
    layer->wants_output = true;
    layer->adds_pairs = inputs > 1 || graph_integer(layer->node, "group", 1) == 1;
    layer->order = pair_order_conv(channels, inputs, taps);
    return read_bias(layer);
}

static bool read_matrix(struct quantize_layer *layer, bool turned) {
    const struct graph_tensor *weights = layer->weights;
    if (weights->rank != 2) {
        return false;
    }
    layer->axis = turned ? 0 : 1;
    layer->layout = channels_of(weights->dims, weights->rank, layer->axis);
    layer->adds_pairs = true;
    layer->order =
        pair_order_matrix((size_t)weights->dims[turned ? 1 : 0], layer->layout.count, turned);
    return true;
}

static bool is_plain_gemm(const struct graph_node *node) {
    return graph_number(node, "alpha", 1) == 1.0F && graph_number(node, "beta", 1) == 1.0F &&
           graph_integer(node, "transA", 0) == 0;
}

bool quantize_layer_read(struct graph_node *node, struct quantize_layer *out_layer) {
    struct quantize_layer layer = {.node = node, .weights = graph_constant(graph_input(node, 1))};
    const struct graph_value *input = graph_input(node, 0);
    if (node->graph->owner != NULL || !is_floats(layer.weights) || input == NULL ||
        graph_constant(input) != NULL || graph_output(node, 0) == NULL) {
        return false;
    }
    const bool is_layer =
        graph_node_is(node, "Conv")     ? read_conv(&layer)
        : graph_node_is(node, "MatMul") ? read_matrix(&layer, false)
        : graph_node_is(node, "Gemm") && is_plain_gemm(node)
            ? read_matrix(&layer, graph_integer(node, "transB", 0) != 0) && read_bias(&layer)
            : false;
    if (is_layer) {
        *out_layer = layer;
    }
    return is_layer;
}

/* --- what stands behind them --- */

static bool read_bound(const struct graph_node *node, const char *attribute, uint32_t index,
                       float otherwise, float *out_bound) {
    *out_bound = graph_number(node, attribute, otherwise);
    return graph_input(node, index) == NULL ||
           graph_scalar(graph_constant(graph_input(node, index)), out_bound);
}

struct graph_node *quantize_layer_clamp(const struct quantize_layer *layer, float *out_least,
                                        float *out_most) {
    struct graph_node *user = graph_only_user(graph_output(layer->node, 0));
    if (user == NULL || user->graph != layer->node->graph) {
        return NULL;
    }
    if (graph_node_is(user, "Relu")) {
        *out_least = 0;
        *out_most = INFINITY;
        return user;
    }
    const bool is_clip = graph_node_is(user, "Clip") &&
                         read_bound(user, "min", 1, -INFINITY, out_least) &&
                         read_bound(user, "max", 2, INFINITY, out_most);
    return is_clip ? user : NULL;
}

struct graph_value *quantize_layer_end(const struct quantize_layer *layer) {
    float least;
    float most;
    const struct graph_node *clamp = quantize_layer_clamp(layer, &least, &most);
    return graph_output(clamp != NULL ? clamp : layer->node, 0);
}

bool quantize_is_mover(const struct graph_node *node) {
    static const char *const MOVERS[] = {"MaxPool",   "Reshape", "Transpose", "Squeeze",
                                         "Unsqueeze", "Flatten", "Slice",     "Gather"};
    for (size_t i = 0; i < sizeof(MOVERS) / sizeof(MOVERS[0]); i++) {
        if (graph_node_is(node, MOVERS[i])) {
            return true;
        }
    }
    return graph_node_is(node, "Resize") && slice_is(graph_text(node, "mode"), "nearest");
}
