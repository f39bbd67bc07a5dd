/*
 * weight_scale: weights as int8 around zero, with a step for each output channel, and their bias.
 *
 * A channel has a limit, the largest whole number it may use: 127, or less where sums of two
 * products could leave 16 bits (model/pair_sum says how much less). The bias is int32 with step
 * input * weight, so a large bias beside small weights needs a larger step of the weights. What
 * activations have is model/scale.
 *
 * Pure: any thread. Rounds to the nearest, ties to even.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/channels.h"

enum { WEIGHT_LIMIT_LEAST = 64, WEIGHT_LIMIT_MOST = 127 };

/* The step of each channel: its largest weight stands for the limit. 1 for a channel of zeros.
 * `limits` NULL: 127 for all. STATUS_INVALID for weights that are no finite numbers. */
status weight_steps(const float *weights, struct channels layout, const int8_t *limits,
                    float *out_steps, struct error *err);

/* Enlarges steps until the bias fits into int32 with room for the sum of all products. Returns how
 * many in `out_widened`. STATUS_INVALID for a bias that no step makes fit. */
status weight_steps_for_bias(const float *biases, struct channels layout, float input_step,
                             float *steps, size_t *out_widened, struct error *err);

void weight_quantize(const float *weights, struct channels layout, const float *steps,
                     const int8_t *limits, int8_t *out_numbers);

/* A bias's own step, as whoever reads the file computes it. */
float bias_step(float input_step, float weight_step);

void bias_quantize(const float *biases, size_t count, float input_step, const float *steps,
                   int32_t *out_numbers);
