/*
 * patch: what a Conv looks at to make one position of its answer, as a row of numbers.
 *
 * A patch has the numbers of each channel after those of the one before it, within a channel rows
 * from the top: the order of a filter's weights, so that an answer is the product of the two.
 * Numbers of the padding are zero. Convolutions over one or two axes, in one group.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tensor.h"
#include "model/graph.h"

struct patch_axis {
    int64_t in, out, kernel, stride, dilation, pad; /* pad: before the first */
};

struct patch_shape {
    uint32_t pictures, channels;
    struct patch_axis rows, columns;
};

/* How the node's answer comes from `in`. false: it is a Conv of another kind, or cannot have such
 * an input. */
bool patch_shape_of(const struct graph_node *node, const struct tensor *in,
                    struct patch_shape *out_shape);

/* How many positions the answers to all pictures have, and how many numbers a patch. */
size_t patch_positions(const struct patch_shape *shape);
size_t patch_numbers(const struct patch_shape *shape);

/* Writes the patch of a position; positions go picture by picture and row by row. */
void patch_take(const struct patch_shape *shape, const float *in, size_t position,
                float *out_numbers);
