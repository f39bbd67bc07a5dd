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

/* The median of as many draws as there are numbers. They are in order, so it is enough to count how
 * often each was drawn. */
static double resampled_median(const double *sorted, size_t count, struct seeded *seeded) {
    uint16_t drawn[INTERVAL_NUMBERS_MAX];
    (void)memset(drawn, 0, count * sizeof(drawn[0]));
    for (size_t i = 0; i < count; i++) {
        drawn[seeded_below(seeded, (uint32_t)count)]++;
    }
    size_t at = 0;
    size_t seen = drawn[0];
    while (seen <= (count - 1) / 2) {
        seen += drawn[++at];
    }
    const double lower = sorted[at];
    while (seen <= count / 2) {
        seen += drawn[++at];
    }
    return (lower + sorted[at]) / 2;
}

struct interval interval_of_median(const double *numbers, size_t count, uint64_t seed) {
    assert(count > 0 && count <= INTERVAL_NUMBERS_MAX);
    double sorted[INTERVAL_NUMBERS_MAX];
    double medians[INTERVAL_SAMPLES];
    struct seeded seeded = {.state = seed};
    (void)memcpy(sorted, numbers, count * sizeof(*numbers));
    interval_sort(sorted, count);
    for (size_t i = 0; i < INTERVAL_SAMPLES; i++) {
        medians[i] = resampled_median(sorted, count, &seeded);
    }
    interval_sort(medians, INTERVAL_SAMPLES);
    return (struct interval){
        .low = interval_percentile(medians, INTERVAL_SAMPLES, OUTSIDE),
        .middle = interval_percentile(sorted, count, 0.5),
        .high = interval_percentile(medians, INTERVAL_SAMPLES, 1 - OUTSIDE),
    };
}

double interval_width(struct interval interval) {
    return interval.middle != 0 ? (interval.high - interval.low) / fabs(interval.middle) : INFINITY;
}
