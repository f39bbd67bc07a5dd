/*
 * fold: what is multiplied and added before and after a layer goes into its weights.
 *
 * Mul, Div, Add, Sub and BatchNormalization around Conv, ConvTranspose, Gemm and MatMul. What is
 * added before a padded Conv cannot go in, because the padding would need it as well: then what is
 * multiplied goes in, and one Add is left. Weights become others by rounding alone. How the numbers
 * are read is model/affine, where they go is model/linear_layer.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum {
    FOLD_CHAIN_MAX = 16,          /* operators before or after one layer */
    FOLD_SHARED_BYTES_MAX = 4096, /* weights that others use as well are copied up to here */
    FOLD_MEMORY_MAX = 256 << 20   /* for the numbers of one layer's channels */
};

/* *out_changes: the operators that are gone. */
status fold_graph(struct graph_model *model, uint32_t *out_changes, struct error *err);
