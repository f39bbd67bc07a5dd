/*
 * scale: what the small whole numbers of a quantised tensor stand for: (q - zero_point) * step.
 *
 * For one scale over a whole tensor, as activations have it. Weights, with a step for each
 * channel, are model/weight_scale; the bounds come from model/threshold.
 *
 * Pure: any thread. Rounds to the nearest, ties to even, as ONNX's QuantizeLinear does.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum scale_kind {
    SCALE_UINT8, /* bounds apart, as ONNX Runtime is fast with on x86: 0 .. 255 */
    SCALE_INT8   /* zero in the middle, for other providers: -128 .. 127, bounds at 127 steps */
};

struct scale {
    float step;
    int32_t zero_point;
};

/* The smallest and the largest whole number. */
int32_t scale_least(enum scale_kind kind);
int32_t scale_most(enum scale_kind kind);

/* The scale whose numbers reach from `low` to `high`, with zero among them. false: the range has
 * no width (or none that a float's step can cut into 255, or no end): leave the tensor FP32. */
bool scale_choose(enum scale_kind kind, float low, float high, struct scale *out_scale);

/* The number that stands for 0 where a step stands for `low` with the least, held within the kind's
 * bounds: for steps and bounds that come from elsewhere, which may not have zero between them. */
int32_t scale_zero_point(enum scale_kind kind, double step, double low);

/* The number for a value, held within the kind's bounds, and what it stands for. */
int32_t scale_quantize(enum scale_kind kind, const struct scale *scale, float value);
float scale_value(const struct scale *scale, int32_t number);
