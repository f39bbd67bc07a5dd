/*
 * value_range: what values a tensor took, over many samples: extremes and a histogram.
 *
 * Everything in it is a count, an extreme or an exact sum, so that the same values give the same
 * bits in whatever order and batches they came, and two ranges can be made one. What is no finite
 * number is counted beside and changes nothing else. Running the model that makes the values is
 * somebody else's, choosing bounds from them is model/threshold.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/exact_sum.h"

/*
 * The histogram lies over [-R, R] with R = 2^exponent, the smallest power of two that reaches all
 * values, and VALUE_RANGE_BINS bins on either side of a bin for zeros alone. Bin k > 0 holds
 * (k - 1) * w < x <= k * w with w = R / VALUE_RANGE_BINS, and bin -k its mirror image.
 *
 * 2048 a side, and both sides: the largest value lies in the upper half, so that at least 1024 bins
 * are in use: eight for each of the 128 levels that the search by entropy compares with, four for
 * each step of uint8 that a mean square error is made of, a thousandth of the range for
 * percentiles. Two sides, since bounds of uint8 are cut one by one; entropy adds the mirror images.
 * Zeros apart, since every scale holds zero exactly: it is no error of any bound, and half of what
 * comes out of a Relu would drown the bin beside it.
 *
 * Bins are closed at the end away from zero. So a bin of 2R is two bins of R whole, and R itself
 * may be reached: doubling R by merging pairs gives what counting with 2R from the start gives.
 */
enum { VALUE_RANGE_BINS = 2048, VALUE_RANGE_EXPONENT_MIN = -100 };

struct value_range {
    uint64_t *bins; /* owned: of -VALUE_RANGE_BINS .. VALUE_RANGE_BINS */
    int32_t exponent;
    float min, max; /* 0 as long as count is; never -0 */
    uint64_t count; /* of finite values */
    uint64_t nan_count, infinite_count;
    uint64_t samples; /* with a finite value */
    struct exact_sum sample_minima, sample_maxima;
};

status value_range_init(struct value_range *range, struct error *err);

/* A range of zeroes may be done away with as well. */
void value_range_done(struct value_range *range);

/* All values of one sample. */
void value_range_add(struct value_range *range, const float *values, size_t count);

/* A batch: `samples` times `count` values. */
void value_range_add_batch(struct value_range *range, const float *values, size_t samples,
                           size_t count);

/* As if what `other` saw had come here. */
void value_range_merge(struct value_range *range, const struct value_range *other);

/* How many values lie in a bin, -VALUE_RANGE_BINS .. VALUE_RANGE_BINS, 0 for zeros. */
uint64_t value_range_bin(const struct value_range *range, int32_t bin);

/* The end of a bin that is away from zero. */
double value_range_edge(const struct value_range *range, int32_t bin);
