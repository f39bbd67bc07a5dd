// SPDX-License-Identifier: Apache-2.0
#include "model/value_range.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

/* Loops over a block have a fixed count, so that compilers vectorise them. They work on the bits of
 * floats: whole numbers have one order for all values, whatever the processor does with floats. */
enum {
    BLOCK = 1024,
    BIN_COUNT = 2 * VALUE_RANGE_BINS + 1,
    BIN_BITS = 11, /* VALUE_RANGE_BINS is 2 to this */
    FRACTION_BITS = 23,
    FLOAT_BIAS = 127,
    SIZE_MASK = INT32_MAX, /* all but the sign */
    INFINITE = 0x7f800000
};

/* The floats of a block; what is beyond the last repeats the first. */
struct block {
    int32_t bits[BLOCK];
    int32_t bins[BLOCK];
    size_t count;
};

/* A sample on its way into the range. Every other value is counted in `odd` at first: where one
 * value follows itself, as zeros do, an addition need not wait for the one before it. */
struct tally {
    struct value_range *range;
    uint32_t odd[BIN_COUNT];
    int32_t least, most; /* as keys */
    bool some;
};

status value_range_init(struct value_range *range, struct error *err) {
    *range = (struct value_range){.exponent = VALUE_RANGE_EXPONENT_MIN};
    range->bins = memory_new(BIN_COUNT, sizeof(*range->bins));
    if (range->bins == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a histogram of a tensor's values");
    }
    return STATUS_OK;
}

void value_range_done(struct value_range *range) {
    if (range != NULL) {
        memory_free(range->bins);
        *range = (struct value_range){0};
    }
}

/* Keys are in the order of the floats they stand for, and their own inverse. */
static int32_t key_of(int32_t bits) {
    return bits ^ ((bits >> 31) & SIZE_MASK);
}

static float float_of_key(int32_t key) {
    const int32_t bits = key_of(key);
    float number;
    (void)memcpy(&number, &bits, sizeof(number));
    return number;
}

static void block_extremes(const int32_t *restrict bits, int32_t *out_least, int32_t *out_most) {
    int32_t least = INT32_MAX;
    int32_t most = INT32_MIN;
    for (int i = 0; i < BLOCK; i++) {
        const int32_t key = bits[i] ^ ((bits[i] >> 31) & SIZE_MASK);
        least = key < least ? key : least;
        most = key > most ? key : most;
    }
    *out_least = least == -1 ? 0 : least; /* -1 is the key of -0 */
    *out_most = most == -1 ? 0 : most;
}

/* The end of a bin belongs to it: the bin of a size is that of the float just below it, rounded
 * down, and one. What is too small for the multiplication is 0, which is right. */
static void block_bins(const int32_t *restrict bits, float scale, int32_t *restrict bins) {
    for (int i = 0; i < BLOCK; i++) {
        const int32_t size = bits[i] & SIZE_MASK;
        const int32_t some = size != 0;
        const int32_t below = size - some;
        const int32_t sign = bits[i] >> 31;
        float number;
        (void)memcpy(&number, &below, sizeof(number));
        const int32_t bin = (int32_t)(number * scale) + some;
        bins[i] = VALUE_RANGE_BINS + ((bin ^ sign) - sign);
    }
}

static void block_fill(struct block *block) {
    for (size_t i = block->count; i < BLOCK; i++) {
        block->bits[i] = block->bits[0];
    }
}

/* Takes out what is no finite number. */
static void block_sift(struct block *block, struct value_range *range) {
    size_t kept = 0;
    for (size_t i = 0; i < block->count; i++) {
        const int32_t size = block->bits[i] & SIZE_MASK;
        range->nan_count += size > INFINITE;
        range->infinite_count += size == INFINITE;
        block->bits[kept] = block->bits[i];
        kept += size < INFINITE;
    }
    block->count = kept;
    block_fill(block);
}

/* Where a bin goes when `doublings` times two become one. */
static int32_t merged(int32_t bin, int32_t doublings) {
    const int32_t by = doublings < BIN_BITS ? doublings : BIN_BITS;
    return bin == 0 ? 0 : bin > 0 ? ((bin - 1) >> by) + 1 : -(((-bin - 1) >> by) + 1);
}

static void widen(struct value_range *range, int32_t exponent) {
    uint64_t *zeros = range->bins + VALUE_RANGE_BINS;
    const int32_t doublings = exponent - range->exponent;
    for (int32_t bin = 1; doublings > 0 && bin <= VALUE_RANGE_BINS; bin++) {
        const uint64_t above = zeros[bin];
        const uint64_t below = zeros[-bin];
        zeros[bin] = 0;
        zeros[-bin] = 0;
        zeros[merged(bin, doublings)] += above;
        zeros[merged(-bin, doublings)] += below;
    }
    range->exponent = doublings > 0 ? exponent : range->exponent;
}

/* The smallest power of two that reaches a size, where that is no denormal number. */
static int32_t exponent_of(int32_t size) {
    return ((size - 1) >> FRACTION_BITS) - FLOAT_BIAS + 1;
}

static void tally_settle(struct tally *tally) {
    for (size_t i = 0; i < BIN_COUNT; i++) {
        tally->range->bins[i] += tally->odd[i];
    }
    (void)memset(tally->odd, 0, sizeof(tally->odd));
}

static void tally_reach(struct tally *tally, int32_t least, int32_t most) {
    tally->least = tally->some && tally->least < least ? tally->least : least;
    tally->most = tally->some && tally->most > most ? tally->most : most;
    tally->some = true;
    const int32_t below = exponent_of(key_of(least) & SIZE_MASK);
    const int32_t above = exponent_of(key_of(most) & SIZE_MASK);
    const int32_t exponent = below > above ? below : above;
    if (exponent > tally->range->exponent) {
        tally_settle(tally);
        widen(tally->range, exponent);
    }
}

static void tally_block(struct tally *tally, struct block *block) {
    int32_t least;
    int32_t most;
    block_extremes(block->bits, &least, &most);
    if (least <= key_of(INT32_MIN | INFINITE) || most >= INFINITE) {
        block_sift(block, tally->range);
        if (block->count == 0) {
            return;
        }
        block_extremes(block->bits, &least, &most);
    }
    tally_reach(tally, least, most);

    const int32_t scale_bits = (FLOAT_BIAS + BIN_BITS - tally->range->exponent) << FRACTION_BITS;
    float scale;
    (void)memcpy(&scale, &scale_bits, sizeof(scale));
    block_bins(block->bits, scale, block->bins);
    uint64_t *even = tally->range->bins;
    for (size_t i = 0; i + 1 < block->count; i += 2) {
        even[block->bins[i]]++;
        tally->odd[block->bins[i + 1]]++;
    }
    if (block->count % 2 != 0) {
        even[block->bins[block->count - 1]]++;
    }
    tally->range->count += block->count;
}

/* Takes over extremes, of one sample or of many. */
static void reach(struct value_range *range, float min, float max) {
    const bool first = range->samples == 0;
    range->min = first || min < range->min ? min : range->min;
    range->max = first || max > range->max ? max : range->max;
}

void value_range_add(struct value_range *range, const float *values, size_t count) {
    struct tally tally = {.range = range};
    struct block block;
    for (size_t i = 0; i < count; i += BLOCK) {
        block.count = count - i < BLOCK ? count - i : BLOCK;
        (void)memcpy(block.bits, values + i, block.count * sizeof(*values));
        block_fill(&block);
        tally_block(&tally, &block);
    }
    if (tally.some) {
        const float min = float_of_key(tally.least);
        const float max = float_of_key(tally.most);
        tally_settle(&tally);
        reach(range, min, max);
        exact_sum_add(&range->sample_minima, min);
        exact_sum_add(&range->sample_maxima, max);
        range->samples++;
    }
}

void value_range_add_batch(struct value_range *range, const float *values, size_t samples,
                           size_t count) {
    for (size_t i = 0; i < samples; i++) {
        value_range_add(range, values + i * count, count);
    }
}

void value_range_merge(struct value_range *range, const struct value_range *other) {
    assert(range != other);
    if (other->samples > 0) {
        reach(range, other->min, other->max);
    }
    widen(range, other->exponent);
    for (int32_t bin = -VALUE_RANGE_BINS; bin <= VALUE_RANGE_BINS; bin++) {
        range->bins[VALUE_RANGE_BINS + merged(bin, range->exponent - other->exponent)] +=
            other->bins[VALUE_RANGE_BINS + bin];
    }
    range->count += other->count;
    range->nan_count += other->nan_count;
    range->infinite_count += other->infinite_count;
    range->samples += other->samples;
    exact_sum_merge(&range->sample_minima, &other->sample_minima);
    exact_sum_merge(&range->sample_maxima, &other->sample_maxima);
}

uint64_t value_range_bin(const struct value_range *range, int32_t bin) {
    assert(bin >= -VALUE_RANGE_BINS && bin <= VALUE_RANGE_BINS);
    return range->bins[VALUE_RANGE_BINS + bin];
}

double value_range_edge(const struct value_range *range, int32_t bin) {
    return ldexp((double)bin, range->exponent - BIN_BITS);
}
