/*
 * quantize_layer: a node that may be quantised, as its numbers lie; part of quantize.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "model/channels.h"
#include "model/graph.h"
#include "model/pair_sum.h"

struct quantize_layer {
    struct graph_node *node;
    const struct graph_tensor *weights; /* float32 */
    const struct graph_tensor *bias;    /* float32, one for each channel; NULL: none */
    struct channels layout;             /* of the weights */
    uint32_t axis;                      /* of the channels */
    bool wants_output;                  /* a kernel takes whole numbers out, too */
    bool adds_pairs;                    /* its products are added in pairs, in this order */
    struct pair_order order;
};

/* false: it is no layer that kernels have. */
bool quantize_layer_read(struct graph_node *node, struct quantize_layer *out_layer);

/* The Relu or Clip that alone takes the layer's output; NULL: none. Its bounds. */
struct graph_node *quantize_layer_clamp(const struct quantize_layer *layer, float *out_least,
                                        float *out_most);

/* The value that is quantised behind the layer: its output, or what the clamp makes of it. */
struct graph_value *quantize_layer_end(const struct quantize_layer *layer);

/* A node that moves numbers and changes none, so that what comes out has the scale of what goes in.
 */
bool quantize_is_mover(const struct graph_node *node);
