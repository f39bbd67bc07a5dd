/*
 * convolution: 3x3 windows over a picture with a rim of zeroes, and the largest of each 2x2: answer
 * and slopes, one picture at a time.
 *
 * Numbers lie by row, column, channel. What is convolved has a rim of one zero on each side
 * ("rimmed"), so that a window is three runs of numbers and no number is copied to gather it.
 * Weights go by window row, window column, channel of the input, and have a number for each
 * filter. Filters are a multiple of 4.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CONVOLUTION_SIDE = 3, CONVOLUTION_RIM = 2, PEAK_NONE = -1 };

struct convolution {
    uint32_t height, width; /* of what is convolved, without the rim, and of the answer */
    uint32_t channels, filters;
};

/* How many numbers the input has with its rim, the answer without one, the largest of it. */
size_t convolution_rimmed(const struct convolution *shape, uint32_t channels);
size_t convolution_given(const struct convolution *shape);
size_t convolution_peaks(const struct convolution *shape);

void convolution_forward(const struct convolution *shape, const float *rimmed, const float *weights,
                         const float *biases, float *out);

/* Adds the slopes by weights and biases, from rimmed slopes by the answer. */
void convolution_learn(const struct convolution *shape, const float *rimmed,
                       const float *rimmed_slopes, float *weights_slope, float *biases_slope);

/* Writes the slopes by the input, without its rim; `turned` has room for the weights. */
void convolution_back(const struct convolution *shape, const float *rimmed_slopes,
                      const float *weights, float *turned, float *out);

/* The largest of each 2x2 of the answer, or 0 when none is above it (the largest, then ReLU); a
 * last odd row or column counts for nothing. Rows of `out` are `out_row` apart. `peaks` remembers
 * which of the four it was. */
void peaks_forward(const struct convolution *shape, const float *given, float *out, size_t out_row,
                   int32_t *peaks);

/* Writes rimmed slopes by the answer, from those by its peaks; the rim and what counts for nothing
 * are not written. */
void peaks_back(const struct convolution *shape, const float *slopes, const int32_t *peaks,
                float *out_rimmed);
