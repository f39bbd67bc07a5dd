// SPDX-License-Identifier: Apache-2.0
#include "model/linear_layer.h"

#include <math.h>

#include "model/known.h"

/* --- reading --- */

static bool are_zero(const struct graph_attribute *numbers) {
    for (uint32_t i = 0; numbers != NULL && i < numbers->count; i++) {
        if (numbers->integers[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Where nothing is padded every place sees all of the kernel. */
static bool is_unpadded(const struct graph_node *node) {
    const struct slice automatic = graph_text(node, "auto_pad");
    return slice_is(automatic, "VALID") ||
           ((automatic.count == 0 || slice_is(automatic, "NOTSET")) &&
            are_zero(graph_attribute(node, "pads")));
}

static bool read_weights(struct linear_layer *layer, uint32_t rank_least, uint32_t rank_most) {
    const struct graph_tensor *weights = graph_constant(graph_input(layer->node, 1));
    if (weights == NULL || weights->type != ELEMENT_FLOAT32 || weights->rank < rank_least ||
        weights->rank > rank_most || weights->byte_count == 0 ||
        weights->dims[0] > LAYER_CHANNELS_MAX || weights->dims[1] > LAYER_CHANNELS_MAX) {
        return false;
    }
    layer->weights = weights;
    layer->rows = (uint32_t)weights->dims[0];
    layer->columns = (uint32_t)weights->dims[1];
    layer->kernel = graph_tensor_count(weights) / layer->rows / layer->columns;
    return true;
}

/* An optional bias that is always the same, of one number for each output channel or for all. */
static bool read_bias(struct linear_layer *layer) {
    const struct graph_value *value = graph_input(layer->node, 2);
    const struct graph_tensor *bias = graph_constant(value);
    layer->has_bias = true;
    if (value == NULL) {
        return true;
    }
    if (bias == NULL || bias->type != ELEMENT_FLOAT32 || bias->rank > 2) {
        return false;
    }
    const uint64_t count = graph_tensor_count(bias);
    const bool is_row = bias->rank > 0 && bias->dims[bias->rank - 1] == layer->output.channels &&
                        count == layer->output.channels;
    layer->bias = bias->bytes;
    layer->bias_step = count == 1 ? 0 : 1;
    return count == 1 || is_row;
}

static bool read_convolution(struct linear_layer *layer, bool is_transposed) {
    if (!read_weights(layer, 3, GRAPH_RANK_MAX)) {
        return false;
    }
    const int64_t groups = graph_integer(layer->node, "group", 1);
    if (groups < 1 || groups > layer->rows || layer->rows % groups != 0 ||
        (int64_t)layer->columns * groups > LAYER_CHANNELS_MAX) {
        return false;
    }
    layer->groups = (uint32_t)groups;
    const uint32_t across = layer->columns * layer->groups;
    const uint32_t rank = layer->weights->rank;
    layer->is_output_by_row = !is_transposed;
    layer->may_shift_inputs = !is_transposed && is_unpadded(layer->node);
    layer->input =
        (struct affine_place){rank, true, rank - 2, is_transposed ? layer->rows : across};
    layer->output =
        (struct affine_place){rank, true, rank - 2, is_transposed ? across : layer->rows};
    return read_bias(layer);
}

static bool read_gemm(struct linear_layer *layer) {
    const struct graph_node *node = layer->node;
    if (graph_integer(node, "transA", 0) != 0 || !read_weights(layer, 2, 2)) {
        return false;
    }
    layer->is_output_by_row = graph_integer(node, "transB", 0) != 0;
    layer->alpha = (double)graph_number(node, "alpha", 1);
    layer->beta = (double)graph_number(node, "beta", 1);
    layer->may_shift_inputs = true;
    layer->input =
        (struct affine_place){2, true, 0, layer->is_output_by_row ? layer->columns : layer->rows};
    layer->output =
        (struct affine_place){2, true, 0, layer->is_output_by_row ? layer->rows : layer->columns};
    return read_bias(layer);
}

static bool read_product(struct linear_layer *layer) {
    const struct graph_value *from = graph_input(layer->node, 0);
    if (from == NULL || !read_weights(layer, 2, 2)) {
        return false;
    }
    uint32_t rank = known_rank_least(from);
    const bool is_exact = known_rank(from, &rank) && rank >= 2;
    rank = rank > 0 ? rank : 1;
    layer->input = (struct affine_place){rank, is_exact, 0, layer->rows};
    layer->output = (struct affine_place){rank, is_exact, 0, layer->columns};
    return true;
}

bool linear_layer_read(struct graph_node *node, struct linear_layer *out_layer) {
    struct linear_layer layer = {.node = node, .alpha = 1, .beta = 1, .groups = 1};
    if (graph_output(node, 0) == NULL) {
        return false;
    }
    const bool is_read = graph_node_is(node, "Conv")            ? read_convolution(&layer, false)
                         : graph_node_is(node, "ConvTranspose") ? read_convolution(&layer, true)
                         : graph_node_is(node, "Gemm")          ? read_gemm(&layer)
                         : graph_node_is(node, "MatMul")        ? read_product(&layer)
                                                                : false;
    if (is_read) {
        *out_layer = layer;
    }
    return is_read;
}

/* --- absorbing --- */

/* The sum of the numbers, and their products with `factor`. */
static double scale_numbers(const float *restrict from, float *restrict to, uint64_t count,
                            double factor) {
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        to[i] = (float)((double)from[i] * factor);
        sum += (double)from[i];
    }
    return sum;
}

static bool are_finite(const float *numbers, uint64_t count) {
    float sum = 0; /* of zeros, or no number */
    for (uint64_t i = 0; i < count; i++) {
        sum += numbers[i] * 0.0F;
    }
    return sum == 0;
}

/* Weights for each pair of channels, and what the shifts before add up to in each output. */
static void scale_weights(const struct linear_layer *layer, const struct affine *before,
                          const struct affine *after, float *to, double *shifts) {
    const float *from = layer->weights->bytes;
    const uint32_t rows_of_group = layer->rows / layer->groups;
    for (uint32_t row = 0; row < layer->rows; row++) {
        const uint32_t first = row / rows_of_group * layer->columns;
        for (uint32_t column = 0; column < layer->columns; column++) {
            const uint32_t output = layer->is_output_by_row ? row : first + column;
            const uint32_t input = layer->is_output_by_row ? first + column : row;
            const double sum =
                scale_numbers(from, to, layer->kernel, before->scale[input] * after->scale[output]);
            shifts[output] += before->shift[input] * sum;
            from += layer->kernel;
            to += layer->kernel;
        }
    }
}

/* Makes the bias of what was shifted before and what is done after; true: it is all zero. */
static bool make_bias(const struct linear_layer *layer, const double *shifts,
                      const struct affine *after, float *out_bias) {
    bool is_zero = true;
    for (uint32_t i = 0; i < layer->output.channels; i++) {
        const double had =
            layer->bias != NULL ? layer->beta * (double)layer->bias[i * layer->bias_step] : 0;
        out_bias[i] = (float)(after->scale[i] * (had + layer->alpha * shifts[i]) + after->shift[i]);
        is_zero = is_zero && out_bias[i] == 0;
    }
    return is_zero;
}

static status set_tensor(struct graph_node *node, uint32_t index, struct slice base,
                         const struct graph_tensor *tensor) {
    struct graph_value *value = graph_add_tensor(node->graph, base, tensor);
    return value != NULL ? graph_set_input(node, index, value) : STATUS_NO_MEMORY;
}

static struct slice name_of(const struct graph_node *node, uint32_t index) {
    const struct graph_value *value = graph_input(node, index);
    return value != NULL ? value->name : slice_of("bias");
}

status linear_layer_absorb(struct linear_layer *layer, const struct affine *before,
                           const struct affine *after) {
    struct graph_node *node = layer->node;
    struct graph_model *model = node->graph->model;
    const struct graph_tensor *old = layer->weights;
    const int64_t channels = layer->output.channels;
    void *weights = NULL;
    void *bias = NULL;
    struct graph_tensor *new_weights =
        graph_tensor_new(model, ELEMENT_FLOAT32, old->dims, old->rank, &weights);
    struct graph_tensor *new_bias = graph_tensor_new(model, ELEMENT_FLOAT32, &channels, 1, &bias);
    double *shifts = arena_get(&model->arena, layer->output.channels, sizeof(*shifts));
    if (new_weights == NULL || new_bias == NULL || shifts == NULL) {
        return STATUS_NO_MEMORY;
    }
    scale_weights(layer, before, after, weights, shifts);
    const bool is_bare = make_bias(layer, shifts, after, bias);
    if (!are_finite(weights, graph_tensor_count(new_weights)) ||
        !are_finite(bias, layer->output.channels)) {
        return STATUS_INVALID;
    }
    TRY(set_tensor(node, 1, name_of(node, 1), new_weights));
    if (layer->has_bias && (!is_bare || layer->bias != NULL)) {
        TRY(set_tensor(node, 2, name_of(node, 2), new_bias));
        if (layer->beta != 1) {
            TRY(graph_set_number(node, "beta", 1));
        }
    }
    return STATUS_OK;
}
