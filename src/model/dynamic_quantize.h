/*
 * dynamic_quantize: products of matrices and LSTMs in whole numbers, without any calibration.
 *
 * The weights become int8 with a step for each column (model/quantized_layer has the formulas);
 * what they are multiplied by is cut into 256 steps anew in each run. ONNX Runtime makes one
 * operator of the nodes that stand for a product. Convolutions are never made so: its kernel for
 * them is several times slower than float32. Small products stay, since nothing is gained: whether
 * the others are faster, and good enough, is for who measures.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum {
    DYNAMIC_QUANTIZE_NUMBERS_MIN = 65536, /* of the weights of a product */
    DYNAMIC_QUANTIZE_OPSET_LEAST = 11
};

struct dynamic_quantize_options {
    bool adds_in_pairs; /* made for processors that do (platform/processor) */
};

struct dynamic_quantize_report {
    uint32_t products, recurrences; /* that compute in whole numbers now */
    uint32_t left;   /* that could as well, but are small, or have weights that no step holds */
    uint32_t narrow; /* columns that use less than 127, so that no pair leaves 16 bits */
};

/* INVALID: the model is of an opset below DYNAMIC_QUANTIZE_OPSET_LEAST. */
status dynamic_quantize(struct graph_model *model, const struct dynamic_quantize_options *options,
                        struct dynamic_quantize_report *out_report, struct error *err);
