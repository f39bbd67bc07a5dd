/*
 * pair_sum: where sums of two products leave 16 bits on processors without VNNI.
 *
 * VPMADDUBSW multiplies bytes without a sign by bytes with one and adds two neighbouring products
 * into 16 bits, held within -32768 .. 32767: what is beyond is lost without a word. A pair of
 * weights is safe when it adds up, signs and all, to 128 at most either way. Weights within 64
 * always are, but few channels have to go so far: each gets the largest limit with which its own
 * pairs are safe. Which processors add so is platform/processor's to say.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * In which order ONNX Runtime's kernels (MLAS) multiply the weights of a channel: the number at
 * channel * channel_stride + a * outer_stride + b * inner_stride is the (a * inner + b)-th, and
 * numbers 2k and 2k + 1 make a pair; after an odd one comes a zero.
 */
struct pair_order {
    size_t channels, channel_stride;
    size_t outer, outer_stride;
    size_t inner, inner_stride;
};

/* Filters of Conv, [channels, inputs, taps]: all inputs of a group for one tap after the other.
 * Depthwise convolutions (one input, one output a group) are not added in pairs: do not ask. */
struct pair_order pair_order_conv(size_t channels, size_t inputs, size_t taps);

/* The right side of MatMul or Gemm: [depth, channels], or turned, [channels, depth]. */
struct pair_order pair_order_matrix(size_t depth, size_t channels, bool turned);

/* The largest size of the sum of a pair of a channel; up to 128 nothing can leave 16 bits, whatever
 * the activations are. */
int32_t pair_peak(const int8_t *numbers, const struct pair_order *order, size_t channel);

/* Lowers the limits of those channels, among numbers that were made within `limits`, that have an
 * unsafe pair. Returns how many: the numbers are made again then, and looked at again, until none
 * is left. Limits stay within WEIGHT_LIMIT_LEAST .. WEIGHT_LIMIT_MOST of model/weight_scale. */
size_t pair_limits_lower(const int8_t *numbers, const struct pair_order *order, int8_t *limits);
