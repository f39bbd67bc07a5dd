// SPDX-License-Identifier: Apache-2.0
#include "model/interval.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/seeded.h"

static const double OUTSIDE = 0.025; /* on either side */

static int compare(const void *left, const void *right) {
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

void interval_sort(double *numbers, size_t count) {
    qsort(numbers, count, sizeof(*numbers), compare);
}

double interval_percentile(const double *sorted, size_t count, double share) {
    assert(count > 0);
    const double place = share * (double)(count - 1);
    const size_t below = (size_t)place;
    if (below + 1 >= count) {
        return sorted[count - 1];
    }
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* Numbers in order, and where there each of them is, as they came; of equal ones any place. */
struct ranked {
    double sorted[INTERVAL_NUMBERS_MAX];
    uint16_t ranks[INTERVAL_NUMBERS_MAX];
    size_t count;
};

static void rank(const double *numbers, size_t count, struct ranked *out) {
    out->count = count;
    (void)memcpy(out->sorted, numbers, count * sizeof(*numbers));
    interval_sort(out->sorted, count);
    for (size_t i = 0; i < count; i++) {
        const double *place = bsearch(&numbers[i], out->sorted, count, sizeof(*numbers), compare);
        out->ranks[i] = (uint16_t)(place != NULL ? place - out->sorted : 0);
    }
}

/* Draws from a group as many numbers as it has, and counts by rank how often each was drawn. */
static void draw_group(const uint16_t *ranks, uint32_t count, struct seeded *seeded,
                       uint32_t *drawn) {
    for (uint32_t i = 0; i < count; i++) {
        drawn[ranks[seeded_below(seeded, count)]]++;
    }
}

/* The median of a draw. The numbers are in order, so it is enough to know how often each was drawn.
 */
static double median_of_drawn(const double *sorted, const uint32_t *drawn, size_t total) {
    size_t at = 0;
    size_t seen = drawn[0];
    while (seen <= (total - 1) / 2) {
        seen += drawn[++at];
    }
    const double lower = sorted[at];
    while (seen <= total / 2) {
        seen += drawn[++at];
    }
    return (lower + sorted[at]) / 2;
}

static double resampled_median(const struct ranked *ranked, const struct interval_groups *groups,
                               const size_t *starts, struct seeded *seeded) {
    uint32_t drawn[INTERVAL_NUMBERS_MAX];
    size_t total = 0;
    (void)memset(drawn, 0, ranked->count * sizeof(drawn[0]));
    for (uint32_t i = 0; i < groups->count; i++) {
        const uint32_t group = groups->count > 1 ? seeded_below(seeded, groups->count) : 0;
        draw_group(ranked->ranks + starts[group], groups->counts[group], seeded, drawn);
        total += groups->counts[group];
    }
    return median_of_drawn(ranked->sorted, drawn, total);
}

struct interval interval_of_median(const double *numbers, const struct interval_groups *groups,
                                   uint64_t seed) {
    struct ranked ranked;
    double medians[INTERVAL_SAMPLES];
    size_t starts[INTERVAL_GROUPS_MAX];
    struct seeded seeded = {.state = seed};
    size_t count = 0;
    assert(groups->count > 0 && groups->count <= INTERVAL_GROUPS_MAX);
    for (uint32_t i = 0; i < groups->count; i++) {
        assert(groups->counts[i] > 0);
        starts[i] = count;
        count += groups->counts[i];
    }
    assert(count <= INTERVAL_NUMBERS_MAX);
    rank(numbers, count, &ranked);
    for (size_t i = 0; i < INTERVAL_SAMPLES; i++) {
        medians[i] = resampled_median(&ranked, groups, starts, &seeded);
    }
    interval_sort(medians, INTERVAL_SAMPLES);
    return (struct interval){
        .low = interval_percentile(medians, INTERVAL_SAMPLES, OUTSIDE),
        .middle = interval_percentile(ranked.sorted, count, 0.5),
        .high = interval_percentile(medians, INTERVAL_SAMPLES, 1 - OUTSIDE),
    };
}

double interval_width(struct interval interval) {
    return interval.middle != 0 ? (interval.high - interval.low) / fabs(interval.middle) : INFINITY;
}
