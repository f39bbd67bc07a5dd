/*
 * quantized_layer: the whole numbers of one layer with weights: Conv, MatMul or Gemm.
 *
 * A step for each channel, larger where the bias asks for it, then the weights; and all of it again
 * with lower limits for channels whose sums of pairs would saturate, until none does. The formulas
 * are model/weight_scale and model/pair_sum; which nodes become such layers is for who knows the
 * graph.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/channels.h"
#include "model/pair_sum.h"
#include "model/weight_scale.h"

struct plain_layer {
    const float *weights;
    struct channels layout; /* its channels are the outputs */
    const float *biases;    /* NULL: none */
    float input_step;
    const struct pair_order *order; /* NULL: no sum of pairs is held within 16 bits */
};

/* Arrays of the caller: as many weights as the layer has, the others one for each channel. */
struct quantized_layer {
    int8_t *weights;
    float *steps;
    int32_t *biases; /* not written without biases */
    size_t widened;  /* channels whose step the bias enlarged */
    size_t narrow;   /* channels within less than 127 */
};

/* STATUS_INVALID: leave the layer FP32; the sentence says why. */
status quantize_layer(const struct plain_layer *layer, struct quantized_layer *out_layer,
                      struct error *err);
