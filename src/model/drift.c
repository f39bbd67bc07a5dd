// SPDX-License-Identifier: Apache-2.0
#include "model/drift.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Sums side by side, which compilers make vectors of; one alone would have to wait for itself. */
enum { LANES = 8, BLOCK = 1024 };

struct lanes {
    double largest[LANES];
    double differences[LANES], references[LANES], candidates[LANES], products[LANES];
};

static void lanes_add(struct lanes *restrict lanes, const float *restrict reference,
                      const float *restrict candidate, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            const double value = (double)reference[i + j];
            const double other = (double)candidate[i + j];
            const double size = fabs(value - other);
            lanes->largest[j] = size > lanes->largest[j] ? size : lanes->largest[j];
            lanes->differences[j] += size * size;
            lanes->references[j] += value * value;
            lanes->candidates[j] += other * other;
            lanes->products[j] += value * other;
        }
    }
}

static double sum_of(const double *lanes) {
    double sum = 0;
    for (size_t i = 0; i < LANES; i++) {
        sum += lanes[i];
    }
    return sum;
}

static bool is_broken(float value, float other) {
    const bool same_infinity = isinf(value) && isinf(other) && (value > 0) == (other > 0);
    return (!isfinite(value) || !isfinite(other)) && !same_infinity;
}

/* Pairs one by one, those that are no two finite numbers left out and those that differ counted. */
static void add_broken(struct drift *drift, const float *reference, const float *candidate,
                       size_t count, struct lanes *out_lanes) {
    (void)memset(out_lanes, 0, sizeof(*out_lanes));
    for (size_t i = 0; i < count; i++) {
        float pair[2][LANES] = {{reference[i]}, {candidate[i]}};
        if (isfinite(pair[0][0]) && isfinite(pair[1][0])) {
            lanes_add(out_lanes, pair[0], pair[1], LANES);
        } else {
            drift->broken += is_broken(pair[0][0], pair[1][0]) ? 1 : 0;
        }
    }
}

/* What is beyond the last whole vector is filled up with zeros, which add nothing. */
static void add_block(struct drift *drift, const float *reference, const float *candidate,
                      size_t count) {
    struct lanes lanes = {0};
    const size_t whole = count - count % LANES;
    float rest[2][LANES] = {0};
    (void)memcpy(rest[0], reference + whole, (count - whole) * sizeof(float));
    (void)memcpy(rest[1], candidate + whole, (count - whole) * sizeof(float));
    lanes_add(&lanes, reference, candidate, whole);
    lanes_add(&lanes, rest[0], rest[1], LANES);
    if (!isfinite(sum_of(lanes.references) + sum_of(lanes.candidates))) {
        add_broken(drift, reference, candidate, count, &lanes);
    }
    for (size_t i = 0; i < LANES; i++) {
        drift->largest = lanes.largest[i] > drift->largest ? lanes.largest[i] : drift->largest;
    }
    drift->difference_squares += sum_of(lanes.differences);
    drift->reference_squares += sum_of(lanes.references);
    drift->candidate_squares += sum_of(lanes.candidates);
    drift->products += sum_of(lanes.products);
}

/* Blocks with a fixed count and without branches, which would be guesses at the edges of masks. */
static void mask_block(const float *restrict reference, const float *restrict candidate,
                       float above, uint64_t *both, uint64_t *any) {
    uint32_t in_both = 0;
    uint32_t in_any = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        const uint32_t in = reference[i] > above;
        const uint32_t other = candidate[i] > above;
        in_both += in & other;
        in_any += in | other;
    }
    *both += in_both;
    *any += in_any;
}

static void add_mask(struct drift *drift, const float *reference, const float *candidate,
                     size_t count) {
    const size_t whole = count - count % BLOCK;
    for (size_t i = 0; i < whole; i += BLOCK) {
        mask_block(reference + i, candidate + i, drift->mask_above, &drift->mask_both,
                   &drift->mask_any);
    }
    for (size_t i = whole; i < count; i++) {
        const bool in = reference[i] > drift->mask_above;
        const bool other = candidate[i] > drift->mask_above;
        drift->mask_both += in && other ? 1 : 0;
        drift->mask_any += in || other ? 1 : 0;
    }
}

/* What is broken is part of one mask and not of the other, whatever the values are. */
static void mend_mask(struct drift *drift, const float *reference, const float *candidate,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        const bool in = reference[i] > drift->mask_above;
        const bool other = candidate[i] > drift->mask_above;
        if (is_broken(reference[i], candidate[i])) {
            drift->mask_both -= in && other ? 1 : 0;
            drift->mask_any += in || other ? 0 : 1;
        }
    }
}

static size_t largest_of(const float *values, size_t count) {
    size_t largest = 0;
    for (size_t i = 1; i < count; i++) {
        largest = values[i] > values[largest] ? i : largest;
    }
    return largest;
}

static bool row_agrees(const float *reference, const float *candidate, size_t count,
                       bool some_broken) {
    for (size_t i = 0; some_broken && i < count; i++) {
        if (is_broken(reference[i], candidate[i])) {
            return false;
        }
    }
    return largest_of(reference, count) == largest_of(candidate, count);
}

void drift_add(struct drift *drift, const float *reference, const float *candidate, size_t count,
               size_t row) {
    const uint64_t before = drift->broken;
    for (size_t i = 0; i < count; i += BLOCK) {
        const size_t length = count - i < BLOCK ? count - i : BLOCK;
        add_block(drift, reference + i, candidate + i, length);
    }
    const bool some_broken = drift->broken > before;
    add_mask(drift, reference, candidate, count);
    if (some_broken) {
        mend_mask(drift, reference, candidate, count);
    }
    for (size_t i = 0; row > 1 && i + row <= count; i += row) {
        drift->rows++;
        drift->rows_agreeing += row_agrees(reference + i, candidate + i, row, some_broken) ? 1 : 0;
    }
    drift->count += count;
}

void drift_merge(struct drift *drift, const struct drift *other) {
    drift->count += other->count;
    drift->broken += other->broken;
    drift->largest = other->largest > drift->largest ? other->largest : drift->largest;
    drift->difference_squares += other->difference_squares;
    drift->reference_squares += other->reference_squares;
    drift->candidate_squares += other->candidate_squares;
    drift->products += other->products;
    drift->rows += other->rows;
    drift->rows_agreeing += other->rows_agreeing;
    drift->mask_both += other->mask_both;
    drift->mask_any += other->mask_any;
}

double drift_largest(const struct drift *drift) {
    return drift->broken > 0 ? HUGE_VAL : drift->largest;
}

double drift_sqnr_db(const struct drift *drift) {
    if (drift->broken > 0) {
        return -HUGE_VAL;
    }
    if (drift->difference_squares <= 0) {
        return HUGE_VAL;
    }
    return 10 * log10(drift->reference_squares / drift->difference_squares);
}

double drift_cosine(const struct drift *drift) {
    const double lengths = sqrt(drift->reference_squares) * sqrt(drift->candidate_squares);
    if (drift->broken > 0) {
        return 0;
    }
    if (drift->difference_squares <= 0) {
        return 1;
    }
    const double cosine = lengths > 0 ? drift->products / lengths : 0;
    return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

static double share(uint64_t part, uint64_t whole) {
    return whole > 0 ? (double)part / (double)whole : 1;
}

double drift_agreement(const struct drift *drift) {
    return share(drift->rows_agreeing, drift->rows);
}

double drift_mask_overlap(const struct drift *drift) {
    return share(drift->mask_both, drift->mask_any);
}
