/*
 * constant_fold: what a model computes without its inputs is computed once, by ONNX Runtime.
 *
 * Nodes whose inputs are all constants are run as small models of their own, wave after wave, by
 * the same operators that would run them later, so that no number changes. What would make the file
 * larger (Tile, Expand, DequantizeLinear of weights) stays, and so does what has bodies, is random,
 * recurrent or fails.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum {
    CONSTANT_FOLD_GROWTH_BYTES_MAX = 256, /* by which an output may be larger than the inputs */
    CONSTANT_FOLD_NODES_MAX = 64,         /* in one run */
    CONSTANT_FOLD_BYTES_MAX = 16 << 20,   /* of constants in one run; one node may have more */
    CONSTANT_FOLD_MEMORY_MAX = 1 << 30    /* what a run may take */
};

/* NOT_FOUND: there is no ONNX Runtime. */
status constant_fold_graph(struct graph_model *model, uint32_t *out_changes, struct error *err);
