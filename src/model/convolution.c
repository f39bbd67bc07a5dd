// SPDX-License-Identifier: Apache-2.0
#include "model/convolution.h"

#include <string.h>

#include "model/matrix_product.h"

/* Vectors of the compiler: one instruction or several, on every machine. */
typedef float floats4 __attribute__((vector_size(16)));
typedef int32_t numbers4 __attribute__((vector_size(16)));

enum { LANES = 4 };

size_t convolution_rimmed(const struct convolution *shape, uint32_t channels) {
    return (size_t)(shape->height + CONVOLUTION_RIM) * (shape->width + CONVOLUTION_RIM) * channels;
}

size_t convolution_given(const struct convolution *shape) {
    return (size_t)shape->height * shape->width * shape->filters;
}

size_t convolution_peaks(const struct convolution *shape) {
    return (size_t)(shape->height / 2) * (shape->width / 2) * shape->filters;
}

/* Adds to `out` what the windows give. */
static void add_windows(const struct convolution *shape, const float *rimmed, const float *weights,
                        float *out) {
    const size_t channels = shape->channels;
    const size_t row = (shape->width + CONVOLUTION_RIM) * channels;
    for (size_t y = 0; y < shape->height; y++) {
        matrix_product_add(
            &(struct matrix_product){.left = rimmed + y * row,
                                     .left_row = channels,
                                     .left_depth = 1,
                                     .left_segment = row,
                                     .right = weights,
                                     .right_depth = shape->filters,
                                     .right_segment = CONVOLUTION_SIDE * channels * shape->filters,
                                     .out = out + y * shape->width * shape->filters,
                                     .out_row = shape->filters,
                                     .rows = shape->width,
                                     .columns = shape->filters,
                                     .depth = CONVOLUTION_SIDE * channels,
                                     .segments = CONVOLUTION_SIDE});
    }
}

void convolution_forward(const struct convolution *shape, const float *rimmed, const float *weights,
                         const float *biases, float *out) {
    const size_t points = (size_t)shape->height * shape->width;
    for (size_t i = 0; i < points; i++) {
        (void)memcpy(out + i * shape->filters, biases, shape->filters * sizeof(*out));
    }
    add_windows(shape, rimmed, weights, out);
}

void convolution_learn(const struct convolution *shape, const float *rimmed,
                       const float *rimmed_slopes, float *weights_slope, float *biases_slope) {
    const size_t filters = shape->filters;
    const size_t row = (shape->width + CONVOLUTION_RIM) * shape->channels;
    const size_t slope_row = (shape->width + CONVOLUTION_RIM) * filters;
    const float *slopes = rimmed_slopes + slope_row + filters;
    for (size_t y = 0; y < CONVOLUTION_SIDE; y++) {
        const size_t run = CONVOLUTION_SIDE * (size_t)shape->channels;
        matrix_product_add(&(struct matrix_product){.left = rimmed + y * row,
                                                    .left_row = 1,
                                                    .left_depth = shape->channels,
                                                    .left_segment = row,
                                                    .right = slopes,
                                                    .right_depth = filters,
                                                    .right_segment = slope_row,
                                                    .out = weights_slope + y * run * filters,
                                                    .out_row = filters,
                                                    .rows = run,
                                                    .columns = filters,
                                                    .depth = shape->width,
                                                    .segments = shape->height});
    }
    for (size_t y = 0; y < shape->height; y++) {
        for (size_t x = 0; x < shape->width; x++) {
            for (size_t i = 0; i < filters; i++) {
                biases_slope[i] += slopes[y * slope_row + x * filters + i];
            }
        }
    }
}

/* The windows again, seen from the input: turned by half a circle, filters and channels changed. */
void convolution_back(const struct convolution *shape, const float *rimmed_slopes,
                      const float *weights, float *turned, float *out) {
    const size_t points = CONVOLUTION_SIDE * CONVOLUTION_SIDE;
    const size_t each = (size_t)shape->channels * shape->filters;
    for (size_t i = 0; i < points; i++) {
        matrix_transpose(weights + i * each, shape->channels, shape->filters,
                         turned + (points - 1 - i) * each);
    }
    const struct convolution seen = {.height = shape->height,
                                     .width = shape->width,
                                     .channels = shape->filters,
                                     .filters = shape->channels};
    (void)memset(out, 0, convolution_given(&seen) * sizeof(*out));
    add_windows(&seen, rimmed_slopes, turned, out);
}

static inline floats4 load(const float *numbers) {
    floats4 vector;
    (void)memcpy(&vector, numbers, sizeof(vector));
    return vector;
}

/* Four channels of one 2x2: `at` becomes 1, 2 or 3 where another than the first is larger. */
static inline void find_peaks(const float *given, size_t right, size_t down, float *out,
                              int32_t *peaks) {
    const size_t steps[] = {0, right, down, down + right};
    numbers4 best = (numbers4)load(given);
    numbers4 at = {0};
    for (int i = 1; i < 4; i++) {
        const floats4 other = load(given + steps[i]);
        const numbers4 larger = other > (floats4)best;
        best = (larger & (numbers4)other) | (~larger & best);
        at = (larger & i) | (~larger & at);
    }
    const numbers4 above = (floats4)best > 0;
    best &= above;
    at |= ~above;
    (void)memcpy(out, &best, sizeof(best));
    (void)memcpy(peaks, &at, sizeof(at));
}

void peaks_forward(const struct convolution *shape, const float *given, float *out, size_t out_row,
                   int32_t *peaks) {
    const size_t filters = shape->filters;
    const size_t down = shape->width * filters;
    for (size_t y = 0; y < shape->height / 2; y++) {
        for (size_t x = 0; x < shape->width / 2; x++) {
            const float *at = given + 2 * y * down + 2 * x * filters;
            for (size_t i = 0; i < filters; i += LANES) {
                find_peaks(at + i, filters, down, out + y * out_row + x * filters + i, peaks + i);
            }
            peaks += filters;
        }
    }
}

void peaks_back(const struct convolution *shape, const float *slopes, const int32_t *peaks,
                float *out_rimmed) {
    const size_t filters = shape->filters;
    const size_t down = (shape->width + CONVOLUTION_RIM) * filters;
    const size_t steps[] = {0, filters, down, down + filters};
    for (size_t y = 0; y < shape->height / 2; y++) {
        for (size_t x = 0; x < shape->width / 2; x++) {
            float *at = out_rimmed + (2 * y + 1) * down + (2 * x + 1) * filters;
            for (size_t i = 0; i < filters; i += LANES) {
                numbers4 peak;
                (void)memcpy(&peak, peaks + i, sizeof(peak));
                const numbers4 slope = (numbers4)load(slopes + i);
                for (int k = 0; k < 4; k++) {
                    const numbers4 part = slope & (peak == k);
                    (void)memcpy(at + steps[k] + i, &part, sizeof(part));
                }
            }
            slopes += filters;
            peaks += filters;
        }
    }
}
