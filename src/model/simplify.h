/*
 * simplify: all passes that lose nothing, one after another until none finds anything.
 *
 * In this order, since each makes room for the next: canonicalise, what ONNX Runtime knows of
 * shapes, shape_fold, constant_fold, branches, activation, fold. (A fold before it would take the
 * division of a hard swish.)
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum { SIMPLIFY_ROUNDS_MAX = 16 };

/* What was found, pass by pass. */
struct simplify_counts {
    uint32_t rounds;
    uint32_t canonical, shapes, constants, branches, folded, activations;
    uint32_t nodes_before, nodes_after;
};

/* NOT_FOUND: there is no ONNX Runtime. */
status simplify_graph(struct graph_model *model, struct simplify_counts *out_counts,
                      struct error *err);
