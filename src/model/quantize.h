/*
 * quantize: layers of a model in whole numbers of 8 bits, written as QuantizeLinear and
 * DequantizeLinear around them, which runtimes make kernels of.
 *
 * Conv, MatMul and Gemm with constant float32 weights: weights int8 with a step for each output
 * channel, activations uint8 (or int8) with one, the bias int32. A value is quantised once, however
 * many layers take it; what only moves numbers (MaxPool, Reshape, Transpose, ...) keeps the scale
 * of what goes in. Behind a Conv the numbers come after its Relu or Clip, which goes where their
 * bounds say the same. What lies between layers follows where it can: model/quantize_between. A
 * layer for which that cannot be, says why and stays float32.
 *
 * Ranges come from model/calibrate and model/threshold, the formulas are model/quantized_layer and
 * model/scale. Which layers are worth it is measured by model/quantize_search.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "model/graph.h"
#include "model/scale.h"
#include "model/threshold.h"

enum { QUANTIZE_LAYERS_MAX = 1 << 14, QUANTIZE_OPSET_LEAST = 13 };

/* Bounds of a value, by name. */
struct quantize_bound {
    struct slice value;
    struct threshold threshold;
};

struct quantize_options {
    enum scale_kind activations;
    bool pairs_saturate; /* on the processor that it is for; see model/pair_sum */
    const struct quantize_bound *bounds;
    uint32_t bound_count;
    /* NULL, or whether this layer may be quantised. */
    bool (*takes)(void *owner, const struct graph_node *node);
    void *owner;
};

struct quantize_report {
    uint32_t layers;  /* quantised */
    uint32_t left;    /* that may be, and stay float32 */
    uint32_t between; /* operators between layers that take whole numbers, or are gone */
    uint32_t narrow_channels, widened_channels;
    uint64_t weight_count;
    char first_reason[ERROR_TEXT_MAX]; /* why one stayed; "" */
};

/* A layer that may be quantised: the weights are constant, the rest is as kernels want it. */
bool quantize_is_layer(const struct graph_node *node);

/* Names of all values whose bounds quantising these layers asks for, each once; they lie in the
 * model's arena. */
status quantize_values(struct graph_model *model, const struct slice **out_names,
                       uint32_t *out_count, struct error *err);

/* INVALID: the model's opset has no scales per channel. */
status quantize(struct graph_model *model, const struct quantize_options *options,
                struct quantize_report *out_report, struct error *err);
