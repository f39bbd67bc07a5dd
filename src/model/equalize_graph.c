// SPDX-License-Identifier: Apache-2.0
#include "model/equalize_graph.h"

#include <string.h>

#include "model/equalization.h"
#include "model/quantize_layer.h"

struct pair {
    struct quantize_layer before, behind;
    struct channels taken; /* the channels between, in the weights of the one behind */
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for equalising layers");
}

/* What lets a factor above 0 pass, channel by channel. */
static bool lets_pass(const struct graph_node *node, bool is_conv) {
    return graph_node_is_any(node, "Relu LeakyRelu") ||
           (is_conv && node->output_count == 1 && graph_node_is_any(node, "MaxPool AveragePool"));
}

/* The next node that alone takes what this one gives and is none of these; NULL: none. A layer
 * takes it as its first input, since the others are constant. */
static struct graph_node *node_behind(const struct graph_node *node, bool is_conv) {
    struct graph_node *user = graph_only_user(graph_output(node, 0));
    while (user != NULL && user->graph == node->graph && lets_pass(user, is_conv)) {
        user = graph_only_user(graph_output(user, 0));
    }
    return user != NULL && user->graph == node->graph ? user : NULL;
}

static bool conv_takes(struct pair *pair) {
    const struct graph_tensor *weights = pair->behind.weights;
    const int64_t groups = graph_integer(pair->behind.node, "group", 1);
    const int64_t count = (int64_t)pair->before.layout.count;
    const bool is_depthwise = groups == count && weights->dims[0] == count && weights->dims[1] == 1;
    if (!is_depthwise && (groups != 1 || weights->dims[1] != count)) {
        return false;
    }
    pair->taken = channels_of(weights->dims, weights->rank, is_depthwise ? 0 : 1);
    return true;
}

static bool matrix_takes(struct pair *pair) {
    const struct graph_tensor *weights = pair->behind.weights;
    const uint32_t axis = 1 - pair->behind.axis;
    pair->taken = channels_of(weights->dims, weights->rank, axis);
    return weights->dims[axis] == (int64_t)pair->before.layout.count;
}

static bool read_pair(struct graph_node *node, struct pair *out_pair) {
    const bool is_conv = graph_node_is(node, "Conv");
    if (!quantize_layer_read(node, &out_pair->before)) {
        return false;
    }
    struct graph_node *behind = node_behind(node, is_conv);
    return behind != NULL && graph_node_is(behind, "Conv") == is_conv &&
           quantize_layer_read(behind, &out_pair->behind) &&
           (is_conv ? conv_takes(out_pair) : matrix_takes(out_pair));
}

/* A tensor of the node's own in the place of one that others may see. */
static status own(struct graph_node *node, uint32_t input, const struct graph_tensor *tensor,
                  float **out_numbers, struct error *err) {
    void *bytes = NULL;
    const struct graph_tensor *copy =
        graph_tensor_new(node->graph->model, tensor->type, tensor->dims, tensor->rank, &bytes);
    struct graph_value *value =
        copy != NULL ? graph_add_tensor(node->graph, graph_input(node, input)->name, copy) : NULL;
    if (value == NULL || graph_set_input(node, input, value) != STATUS_OK) {
        return no_memory(err);
    }
    (void)memcpy(bytes, tensor->bytes, tensor->byte_count);
    *out_numbers = bytes;
    return STATUS_OK;
}

static status equalize_pair(const struct pair *pair, struct error *err) {
    float *before = NULL;
    float *behind = NULL;
    float *biases = NULL;
    TRY(own(pair->before.node, 1, pair->before.weights, &before, err));
    TRY(own(pair->behind.node, 1, pair->behind.weights, &behind, err));
    if (pair->before.bias != NULL) {
        TRY(own(pair->before.node, 2, pair->before.bias, &biases, err));
    }
    return equalize((struct equalized){before, pair->before.layout}, biases,
                    (struct equalized){behind, pair->taken}, err);
}

status equalize_graph(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        struct pair pair;
        if (read_pair(node, &pair)) {
            TRY(equalize_pair(&pair, err));
            changes++;
        }
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return graph_verify(model, err);
}
