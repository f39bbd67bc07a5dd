/*
 * layer_matrix: the weights of a Conv, Gemm or MatMul as a matrix that multiplies rows of inputs.
 *
 * A row for each output, a column for each input, and a last column for what is added whatever the
 * inputs are. Where a MatMul is followed by an Add of a constant, that is where its last column
 * goes; followed by anything else it has none. What the node multiplies its product by (a Gemm's
 * alpha and beta) is in the matrix.
 *
 * Pure but for memory. Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

struct layer_matrix {
    struct graph_node *node;
    struct graph_node *adding; /* the Add behind a MatMul; or NULL */
    uint32_t adds;             /* which of its inputs is the constant */
    uint32_t rows, inputs;
    bool has_constant; /* the last column */
    uint64_t row_step, input_step;
};

/* false: the node is no such layer, or one whose weights are not constant float32 numbers. */
bool layer_matrix_of(struct graph_node *node, struct layer_matrix *out_layer);

/* Columns of the matrix. */
uint32_t layer_matrix_columns(const struct layer_matrix *layer);

/* The matrix, row by row. */
void layer_matrix_read(const struct layer_matrix *layer, double *out_matrix);

/* The node computes with this one from now on. */
status layer_matrix_write(const struct layer_matrix *layer, const double *matrix,
                          struct error *err);
