// SPDX-License-Identifier: Apache-2.0
#include "model/layer_matrix.h"

#include <string.h>

static const struct graph_tensor *floats_of(const struct graph_node *node, uint32_t input) {
    const struct graph_tensor *tensor = graph_constant(graph_input(node, input));
    return tensor != NULL && tensor->type == ELEMENT_FLOAT32 && tensor->byte_count > 0 ? tensor
                                                                                       : NULL;
}

static double number_at(const struct graph_tensor *tensor, uint64_t index) {
    float number;
    (void)memcpy(&number, (const char *)tensor->bytes + index * sizeof(number), sizeof(number));
    return (double)number;
}

/* A number for each output along the last axis. */
static bool is_bias(const struct graph_tensor *tensor, uint32_t rows) {
    return tensor != NULL && tensor->rank > 0 && tensor->dims[tensor->rank - 1] == rows &&
           graph_tensor_count(tensor) == rows;
}

/* Whether what the node adds is a number for each output, or one for all, or nothing. */
static bool has_plain_bias(const struct graph_node *node, uint32_t rows) {
    const struct graph_tensor *tensor = floats_of(node, 2);
    return graph_input(node, 2) == NULL || is_bias(tensor, rows) ||
           (tensor != NULL && graph_tensor_count(tensor) == 1);
}

static bool find_adding(struct layer_matrix *layer) {
    struct graph_node *user = graph_only_user(layer->node->outputs[0]);
    for (uint32_t i = 0; user != NULL && graph_node_is(user, "Add") && i < 2; i++) {
        if (is_bias(floats_of(user, i), layer->rows)) {
            layer->adding = user;
            layer->adds = i;
            return true;
        }
    }
    return false;
}

bool layer_matrix_of(struct graph_node *node, struct layer_matrix *out_layer) {
    const struct graph_tensor *weights = floats_of(node, 1);
    struct layer_matrix layer = {.node = node, .has_constant = true, .input_step = 1};
    if (weights == NULL || weights->rank < 2 || graph_output(node, 0) == NULL) {
        return false;
    }
    const uint64_t count = graph_tensor_count(weights);
    const bool is_conv = graph_node_is(node, "Conv") && graph_integer(node, "group", 1) == 1;
    const bool is_gemm =
        graph_node_is(node, "Gemm") && weights->rank == 2 && graph_integer(node, "transA", 0) == 0;
    const bool is_matmul = graph_node_is(node, "MatMul") && weights->rank == 2;
    if (is_conv || (is_gemm && graph_integer(node, "transB", 0) != 0)) {
        layer.rows = (uint32_t)weights->dims[0];
        layer.inputs = (uint32_t)(count / layer.rows);
        layer.row_step = layer.inputs;
    } else if (is_gemm || is_matmul) {
        layer.rows = (uint32_t)weights->dims[1];
        layer.inputs = (uint32_t)weights->dims[0];
        layer.row_step = 1;
        layer.input_step = layer.rows;
    } else {
        return false;
    }
    if (is_matmul) {
        layer.has_constant = find_adding(&layer);
    } else if (!has_plain_bias(node, layer.rows)) {
        return false;
    }
    *out_layer = layer;
    return true;
}

uint32_t layer_matrix_columns(const struct layer_matrix *layer) {
    return layer->inputs + (layer->has_constant ? 1 : 0);
}

void layer_matrix_read(const struct layer_matrix *layer, double *out_matrix) {
    const struct graph_tensor *weights = floats_of(layer->node, 1);
    const bool is_gemm = graph_node_is(layer->node, "Gemm");
    const double alpha = is_gemm ? (double)graph_number(layer->node, "alpha", 1) : 1;
    const double beta = is_gemm ? (double)graph_number(layer->node, "beta", 1) : 1;
    const struct graph_tensor *bias = layer->adding == NULL ? floats_of(layer->node, 2) : NULL;
    for (uint32_t row = 0; row < layer->rows; row++) {
        for (uint32_t i = 0; i < layer->inputs; i++) {
            *out_matrix++ =
                alpha * number_at(weights, row * layer->row_step + i * layer->input_step);
        }
        if (layer->has_constant) {
            const bool is_one = bias != NULL && graph_tensor_count(bias) == 1;
            *out_matrix++ = bias != NULL ? beta * number_at(bias, is_one ? 0 : row) : 0;
        }
    }
}

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a layer's weights");
}

/* Has the node take new float32 numbers of the dims of what it takes there, or of `rows`. */
static status renew(struct graph_node *node, uint32_t input, int64_t rows, float **out_numbers,
                    struct error *err) {
    struct graph_model *model = node->graph->model;
    const struct graph_value *value = graph_input(node, input);
    const struct graph_tensor *old = graph_constant(value);
    const bool is_same = old != NULL && (rows == 0 || graph_tensor_count(old) == (uint64_t)rows);
    void *bytes = NULL;
    const struct graph_tensor *tensor =
        is_same ? graph_tensor_new(model, ELEMENT_FLOAT32, old->dims, old->rank, &bytes)
                : graph_tensor_new(model, ELEMENT_FLOAT32, &rows, 1, &bytes);
    struct graph_value *taken =
        graph_add_tensor(node->graph, value != NULL ? value->name : node->outputs[0]->name, tensor);
    if (taken == NULL || graph_set_input(node, input, taken) != STATUS_OK) {
        return no_memory(err);
    }
    *out_numbers = bytes;
    return STATUS_OK;
}

static status write_constant(const struct layer_matrix *layer, const double *matrix,
                             struct error *err) {
    struct graph_node *node = layer->adding != NULL ? layer->adding : layer->node;
    const uint32_t input = layer->adding != NULL ? layer->adds : 2;
    const struct graph_tensor *old = layer->adding != NULL ? floats_of(node, input) : NULL;
    float *numbers = NULL;
    TRY(renew(node, input, layer->rows, &numbers, err));
    for (uint32_t row = 0; row < layer->rows; row++) {
        const double more = matrix[(size_t)row * layer_matrix_columns(layer) + layer->inputs];
        numbers[row] = (float)(more + (old != NULL ? number_at(old, row) : 0));
    }
    return STATUS_OK;
}

status layer_matrix_write(const struct layer_matrix *layer, const double *matrix,
                          struct error *err) {
    float *numbers = NULL;
    TRY(renew(layer->node, 1, 0, &numbers, err));
    for (uint32_t row = 0; row < layer->rows; row++) {
        const double *from = matrix + (size_t)row * layer_matrix_columns(layer);
        for (uint32_t i = 0; i < layer->inputs; i++) {
            numbers[row * layer->row_step + i * layer->input_step] = (float)from[i];
        }
    }
    if (graph_node_is(layer->node, "Gemm")) {
        graph_drop_attribute(layer->node, "alpha");
        graph_drop_attribute(layer->node, "beta");
    }
    return layer->has_constant ? write_constant(layer, matrix, err) : STATUS_OK;
}
