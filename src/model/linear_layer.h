/*
 * linear_layer: Conv, ConvTranspose, Gemm and MatMul as what they have in common: weights between
 * input channels and output channels.
 *
 * Scaling a channel before or after such a layer is scaling a part of its weights, and adding to
 * one is adding to its bias; which part that is, and when it is exact, is said here. Float32
 * weights that are always the same; everything else is no layer here.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/affine.h"

enum { LAYER_CHANNELS_MAX = 1 << 20 };

struct linear_layer {
    struct graph_node *node;
    const struct graph_tensor *weights;
    const float *bias;     /* one for each output channel, or one for all; NULL: none */
    uint32_t bias_step;    /* 0: one for all */
    double alpha, beta;    /* of a Gemm, else 1 */
    bool may_shift_inputs; /* adding to an input channel is the same at every place */
    bool has_bias;         /* it can have one */
    bool is_output_by_row; /* weights: a row for each output channel, else for each input one */
    uint32_t groups;
    uint32_t rows, columns; /* of weights; columns count within a group */
    uint64_t kernel;        /* weights of each pair of channels */
    struct affine_place input, output;
};

/* false: the node is no such layer. */
bool linear_layer_read(struct graph_node *node, struct linear_layer *out_layer);

/* What is done before the layer and after it, to be done by it: y = after(layer(before(x))). A
 * shift before only where may_shift_inputs, a shift after only where has_bias. INVALID: numbers
 * would overflow, and nothing was changed. */
status linear_layer_absorb(struct linear_layer *layer, const struct affine *before,
                           const struct affine *after);
