/*
 * scalar_step: an operator with one number beside a tensor: Add, Sub, Mul and Div, read as
 * scale * x + shift.
 *
 * A number with more axes than the tensor would give it those; that is none. For operators with
 * numbers for each channel there is model/affine.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "model/graph.h"

struct scalar_step {
    struct graph_value *from; /* x */
    double scale, shift;
};

/* What makes `value`; false: something else. */
bool scalar_step_read(const struct graph_value *value, struct scalar_step *out_step);

/* The number at input `index` of a node with two, of which the other keeps its shape; false: there
 * is none. */
bool scalar_step_number(const struct graph_node *node, uint32_t index, double *out_number);
