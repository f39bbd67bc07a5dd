/*
 * channels: a tensor seen as channels: which of its values belong to which.
 *
 * Filters have their output channel in front (Conv) or behind (MatMul), activations in the middle;
 * one layout says all three. Plain arithmetic over floats in row-major order.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Value i of run r of channel c is values[(r * count + c) * inner + i]. */
struct channels {
    size_t outer, count, inner;
};

/* The channels that dimension `axis` of a shape counts. */
struct channels channels_of(const int64_t *shape, uint32_t rank, uint32_t axis);

/* The largest size of a value of each channel; a channel with a NaN gets NaN. */
void channels_peak(const float *values, struct channels layout, float *out_peaks);

/* Multiplies each channel by its factor. */
void channels_multiply(float *values, struct channels layout, const float *factors);

/* Adds the sum of each channel's values to `sums`. */
void channels_sum(const float *values, struct channels layout, double *sums);
