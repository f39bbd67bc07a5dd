/*
 * equalize_graph: finds pairs of layers in a model whose channels between them can be given ranges
 * of one size, and does so (model/equalization has the formula).
 *
 * A pair is two Conv, or two of Gemm and MatMul, with constant weights, where all that stands
 * between is taken once, is no output, and lets a factor above 0 pass: Relu, LeakyRelu and, between
 * Conv, pools of the largest or the mean. It changes nothing but rounding; whether whole numbers
 * fit better afterwards is for who measures.
 *
 * Pure but for memory. Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

/* *out_changes counts pairs. Weights that others take as well are the pair's own afterwards. */
status equalize_graph(struct graph_model *model, uint32_t *out_changes, struct error *err);
