// SPDX-License-Identifier: Apache-2.0
#include "model/affine.h"

#include <math.h>

#include "model/known.h"

static const double SCALE_MAX = 0x1p60;

/* --- constants --- */

/* Whether the constant has one number, or one for each channel and none for anything else. */
static bool fits(const struct graph_tensor *constant, const struct affine_place *place) {
    if (constant == NULL || constant->type != ELEMENT_FLOAT32 || constant->rank > place->rank) {
        return false;
    }
    const uint64_t count = graph_tensor_count(constant);
    if (count == 1) {
        return true;
    }
    return count == place->channels && constant->rank > place->axis_from_behind &&
           constant->dims[constant->rank - 1 - place->axis_from_behind] == (int64_t)count;
}

/* Whether `from`, which the constant is applied to, is not stretched by it. */
static bool keeps_shape(const struct graph_tensor *constant, const struct graph_value *from,
                        const struct affine_place *place) {
    uint32_t rank = 0;
    const bool is_known = known_rank(from, &rank);
    const bool is_smaller = place->is_exact && constant->rank < place->rank;
    if (!is_smaller && constant->rank > known_rank_least(from)) {
        return false;
    }
    if (graph_tensor_count(constant) == 1) {
        return true;
    }
    if (place->is_exact && place->axis_from_behind + 2 == place->rank) {
        return known_channels(from) == place->channels;
    }
    return is_known && rank > place->axis_from_behind &&
           known_size(from, rank - 1 - place->axis_from_behind) == place->channels;
}

static void spread(const struct graph_tensor *constant, uint32_t channels, double *out) {
    const float *numbers = constant->bytes;
    const uint32_t step = graph_tensor_count(constant) == 1 ? 0 : 1;
    for (uint32_t i = 0; i < channels; i++) {
        out[i] = numbers[i * step];
    }
}

static bool are_finite(const double *numbers, uint32_t count) {
    bool are = true;
    for (uint32_t i = 0; i < count; i++) {
        are = are && isfinite(numbers[i]);
    }
    return are;
}

static void fill(double *numbers, uint32_t count, double number) {
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = number;
    }
}

/* --- operators --- */

/* The constant lies in out->shift and is made what the operator makes of it. */
static bool read_pair(const struct graph_node *node, bool is_first, uint32_t channels,
                      const struct affine *out) {
    if (graph_node_is(node, "Add")) {
        return true;
    }
    const bool is_product = graph_node_is(node, "Mul");
    if (is_product || (graph_node_is(node, "Div") && is_first)) {
        for (uint32_t i = 0; i < channels; i++) {
            out->scale[i] = is_product ? out->shift[i] : 1 / out->shift[i];
        }
        fill(out->shift, channels, 0);
        return true;
    }
    if (!graph_node_is(node, "Sub")) {
        return false;
    }
    if (!is_first) {
        fill(out->scale, channels, -1);
        return true;
    }
    for (uint32_t i = 0; i < channels; i++) {
        out->shift[i] = -out->shift[i];
    }
    return true;
}

static const float *one_each(const struct graph_node *node, uint32_t index, uint32_t channels) {
    const struct graph_tensor *tensor = graph_constant(graph_input(node, index));
    return tensor != NULL && tensor->type == ELEMENT_FLOAT32 && tensor->rank == 1 &&
                   tensor->dims[0] == channels
               ? tensor->bytes
               : NULL;
}

/* More outputs than one, or the word for it, mean that it trains. */
static bool is_training(const struct graph_node *node) {
    for (uint32_t i = 1; i < node->output_count; i++) {
        if (node->outputs[i] != NULL) {
            return true;
        }
    }
    return graph_integer(node, "training_mode", 0) != 0 || graph_integer(node, "spatial", 1) != 1;
}

static bool read_normalization(const struct graph_node *node, const struct affine_place *place,
                               const struct affine *out) {
    const float *scale = one_each(node, 1, place->channels);
    const float *shift = one_each(node, 2, place->channels);
    const float *mean = one_each(node, 3, place->channels);
    const float *variance = one_each(node, 4, place->channels);
    const bool is_axis_one = place->is_exact && place->axis_from_behind + 2 == place->rank;
    if (scale == NULL || shift == NULL || mean == NULL || variance == NULL || !is_axis_one ||
        is_training(node)) {
        return false;
    }
    const double epsilon = (double)graph_number(node, "epsilon", 1e-5F);
    for (uint32_t i = 0; i < place->channels; i++) {
        out->scale[i] = (double)scale[i] / sqrt((double)variance[i] + epsilon);
        out->shift[i] = (double)shift[i] - out->scale[i] * (double)mean[i];
    }
    return true;
}

bool affine_read(const struct graph_node *node, const struct graph_value *from,
                 const struct affine_place *place, bool is_before, const struct affine *out) {
    bool is_read = false;
    if (graph_output(node, 0) == NULL) {
        return false;
    }
    if (graph_node_is(node, "BatchNormalization")) {
        is_read = graph_input(node, 0) == from && read_normalization(node, place, out);
    } else if (node->input_count == 2 && node->output_count == 1) {
        const bool is_first = graph_input(node, 0) == from;
        const struct graph_tensor *constant = graph_constant(graph_input(node, is_first ? 1 : 0));
        if (!fits(constant, place) || (is_before && !keeps_shape(constant, from, place))) {
            return false;
        }
        fill(out->scale, place->channels, 1);
        spread(constant, place->channels, out->shift);
        is_read = read_pair(node, is_first, place->channels, out);
    }
    return is_read && are_finite(out->scale, place->channels) &&
           are_finite(out->shift, place->channels);
}

struct graph_value *affine_from(const struct graph_node *node) {
    struct graph_value *first = graph_input(node, 0);
    struct graph_value *second = graph_input(node, 1);
    if (graph_node_is(node, "BatchNormalization")) {
        return first;
    }
    if (node->input_count != 2 || first == NULL || second == NULL) {
        return NULL;
    }
    if (graph_constant(second) != NULL) {
        return graph_constant(first) == NULL ? first : NULL;
    }
    return graph_constant(first) != NULL ? second : NULL;
}

bool affine_is_sound(const double *scale, uint32_t count) {
    bool is_sound = true;
    for (uint32_t i = 0; i < count; i++) {
        const double size = fabs(scale[i]);
        is_sound = is_sound && (size == 0 || (size <= SCALE_MAX && size >= 1 / SCALE_MAX));
    }
    return is_sound;
}
