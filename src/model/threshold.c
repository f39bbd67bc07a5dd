// SPDX-License-Identifier: Apache-2.0
#include "model/threshold.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

enum { BINS = VALUE_RANGE_BINS, CHUNK = 64, WHOLE_PERCENT = 100 };

/* An empty bin of the quantised distribution where there are values counts so many. */
static const double EMPTY_COUNT = 1e-4;

/* What entropy keeps of the values that are not zero. */
static const double KEPT_LEAST = 0.9;

/* Divergences that differ by less are equal. */
static const double ROUNDING = 1e-12;

/* Products of decimal fractions miss whole numbers by less than this. */
static const double ALMOST = 1e-9;

static const char *const NAMES[THRESHOLD_METHOD_COUNT] = {"min-max", "mean-min-max", "percentile",
                                                          "mse", "entropy"};

const char *threshold_method_name(enum threshold_method method) {
    return method < THRESHOLD_METHOD_COUNT ? NAMES[method] : "unknown";
}

bool threshold_method_read(struct slice name, enum threshold_method *out_method) {
    for (int i = 0; i < THRESHOLD_METHOD_COUNT; i++) {
        if (slice_is(name, NAMES[i])) {
            *out_method = (enum threshold_method)i;
            return true;
        }
    }
    return false;
}

/* Bounds that are not beyond what was seen, and have zero between them. */
static struct threshold bounded(const struct value_range *range, double low, double high) {
    low = low > (double)range->min ? low : (double)range->min;
    high = high < (double)range->max ? high : (double)range->max;
    return (struct threshold){.low = low < 0 ? (float)low : 0, .high = high > 0 ? (float)high : 0};
}

static struct threshold by_mean(const struct value_range *range) {
    const double samples = (double)range->samples;
    return bounded(range, exact_sum_read(&range->sample_minima) / samples,
                   exact_sum_read(&range->sample_maxima) / samples);
}

/* The bound on one side beyond which at most `cut` values lie: the far edge of the first bin from
 * outside that cannot be cut off whole. `side` is 1 or -1. */
static double percentile_bound(const struct value_range *range, int32_t side, double cut) {
    double beyond = 0;
    for (int32_t bin = BINS; bin > 0; bin--) {
        beyond += (double)value_range_bin(range, side * bin);
        if (beyond > cut) {
            return value_range_edge(range, side * bin);
        }
    }
    return 0;
}

static struct threshold by_percentile(const struct value_range *range, double percentile) {
    const bool two_sided = range->min < 0 && range->max > 0;
    const double share = (WHOLE_PERCENT - percentile) / WHOLE_PERCENT / (two_sided ? 2 : 1);
    const double cut = floor((double)range->count * share * (1 + ALMOST));
    return bounded(range, percentile_bound(range, -1, cut), percentile_bound(range, 1, cut));
}

/* Bins that are not empty: their middles, and how many values each. Zeros cost nothing and are left
 * out; beyond `count` the last chunk is filled with nothing. */
struct masses {
    double *middles; /* owned, with counts behind them */
    double *counts;
    size_t count;
};

static void masses_done(struct masses *masses) {
    memory_free(masses->middles);
}

static status masses_init(struct masses *masses, const struct value_range *range,
                          struct error *err) {
    const size_t most = 2 * (size_t)BINS + CHUNK;
    *masses = (struct masses){.middles = memory_new(2 * most, sizeof(double))};
    if (masses->middles == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to weigh a tensor's values");
    }
    masses->counts = masses->middles + most;
    for (int32_t bin = -BINS; bin <= BINS; bin++) {
        const uint64_t count = value_range_bin(range, bin);
        if (bin != 0 && count > 0) {
            const double far = value_range_edge(range, bin);
            const double near = value_range_edge(range, bin > 0 ? bin - 1 : bin + 1);
            masses->middles[masses->count] = (far + near) / 2;
            masses->counts[masses->count++] = (double)count;
        }
    }
    return STATUS_OK;
}

/* What quantising 64 bins changes, squared. Adding and taking away 1.5 * 2^52 rounds to a whole
 * number, ties to even, in a loop that compilers vectorise. */
static void square_errors(const double *restrict middles, const double *restrict counts,
                          const double *restrict scale, double *restrict out_errors) {
    const double step = scale[0];
    const double least = scale[1];
    const double most = scale[2];
    for (int i = 0; i < CHUNK; i++) {
        const double near = middles[i] / step + 0x1.8p52 - 0x1.8p52;
        const double above = near < least ? least : near;
        const double number = above > most ? most : above;
        const double error = middles[i] - number * step;
        out_errors[i] = counts[i] * error * error;
    }
}

static double mass_error(const struct masses *masses, enum scale_kind kind,
                         struct threshold bounds) {
    struct scale scale;
    if (!scale_choose(kind, bounds.low, bounds.high, &scale)) {
        return HUGE_VAL;
    }
    const double parts[] = {(double)scale.step, scale_least(kind) - scale.zero_point,
                            scale_most(kind) - scale.zero_point};
    double sum = 0;
    for (size_t i = 0; i < masses->count; i += CHUNK) {
        double errors[CHUNK];
        square_errors(masses->middles + i, masses->counts + i, parts, errors);
        for (int j = 0; j < CHUNK; j++) {
            sum += errors[j];
        }
    }
    return sum;
}

/* The best of the candidates that shrink low, high or both; the widest of equals. */
static void shrink(const struct masses *masses, enum scale_kind kind, bool low, bool high,
                   struct threshold *best) {
    const struct threshold widest = *best;
    double least = mass_error(masses, kind, widest);
    for (int i = 1; i < THRESHOLD_CANDIDATES; i++) {
        const double share = (WHOLE_PERCENT - i) / (double)WHOLE_PERCENT;
        const struct threshold next = {
            .low = low ? (float)(share * (double)widest.low) : widest.low,
            .high = high ? (float)(share * (double)widest.high) : widest.high};
        const double error = mass_error(masses, kind, next);
        if (error < least) {
            least = error;
            *best = next;
        }
    }
}

/* Both bounds together, and then each alone where they are apart: of a hard swish, whose least
 * value is -0.375, the upper bound is to shrink and the lower one hardly ever. */
static status by_mse(const struct value_range *range, enum scale_kind kind,
                     struct threshold *out_threshold, struct error *err) {
    CLEANUP(masses_done) struct masses masses = {0};
    TRY(masses_init(&masses, range, err));
    struct threshold both = bounded(range, (double)range->min, (double)range->max);
    struct threshold apart = both;
    shrink(&masses, kind, true, true, &both);
    if (kind == SCALE_UINT8 && apart.low < 0 && apart.high > 0) {
        shrink(&masses, kind, false, true, &apart);
        shrink(&masses, kind, true, false, &apart);
        both = mass_error(&masses, kind, apart) < mass_error(&masses, kind, both) ? apart : both;
    }
    *out_threshold = both;
    return STATUS_OK;
}

/* Sums over the first bins of |x|, so that a stretch of bins costs one subtraction. */
struct sizes {
    double values[BINS + 1];
    double filled[BINS + 1];     /* bins with values */
    double value_logs[BINS + 1]; /* c * log(c) of their counts */
    double last[BINS + 1];       /* the count of bin i - 1 alone */
    int32_t count;               /* up to the last bin with values */
};

static double times_log(double count) {
    return count > 0 ? count * log(count) : 0;
}

static void sizes_done(struct sizes **sizes) {
    memory_free(*sizes);
}

static void sizes_read(struct sizes *sizes, const struct value_range *range) {
    for (int32_t i = 1; i <= BINS; i++) {
        const double count = (double)(value_range_bin(range, i) + value_range_bin(range, -i));
        sizes->last[i] = count;
        sizes->values[i] = sizes->values[i - 1] + count;
        sizes->filled[i] = sizes->filled[i - 1] + (count > 0 ? 1 : 0);
        sizes->value_logs[i] = sizes->value_logs[i - 1] + times_log(count);
        sizes->count = count > 0 ? i : sizes->count;
    }
}

/*
 * The divergence, sum of p * log(p / q), when the first `bins` bins are kept.
 *
 * P is what was seen, with all that lies beyond moved into the last bin. Q is the same without what
 * lies beyond, in 128 levels of equal width, the values of a level spread evenly over those of its
 * bins that have any. So what a narrow bound loses shows in the last bin, what a wide one blurs
 * shows in the levels.
 */
static double divergence(const struct sizes *sizes, int32_t bins) {
    const double all = sizes->values[sizes->count];
    const double beyond = all - sizes->values[bins];
    double logs = 0; /* sum of p * log(q), both as counts */
    double of_last = EMPTY_COUNT;
    for (int32_t level = 0; level < THRESHOLD_LEVELS; level++) {
        const int32_t from = (level * bins + THRESHOLD_LEVELS - 1) / THRESHOLD_LEVELS;
        const int32_t to = ((level + 1) * bins + THRESHOLD_LEVELS - 1) / THRESHOLD_LEVELS;
        const double values = sizes->values[to] - sizes->values[from];
        if (values > 0) {
            const double each = values / (sizes->filled[to] - sizes->filled[from]);
            logs += values * log(each);
            of_last = to == bins && sizes->last[bins] > 0 ? each : of_last;
        }
    }
    logs += beyond > 0 ? beyond * log(of_last) : 0;
    const double seen = sizes->value_logs[bins - 1] + times_log(sizes->last[bins] + beyond);
    const double kept = all - beyond + (sizes->last[bins] > 0 ? 0 : EMPTY_COUNT);
    return (seen - times_log(all) - logs + all * log(kept)) / all;
}

/* The widest of equals. Where all values are far from zero, a bound below them all would leave one
 * bin in P and in Q, which do not diverge: hence at most a tenth is cut off. */
static status by_entropy(const struct value_range *range, struct threshold *out_threshold,
                         struct error *err) {
    CLEANUP(sizes_done) struct sizes *sizes = memory_new(1, sizeof(*sizes));
    if (sizes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to compare distributions of a tensor");
    }
    sizes_read(sizes, range);
    int32_t best = sizes->count;
    double least = HUGE_VAL;
    for (int32_t bins = THRESHOLD_LEVELS; bins <= sizes->count; bins++) {
        const bool keeps = sizes->values[bins] >= KEPT_LEAST * sizes->values[sizes->count];
        const double diverges = keeps ? divergence(sizes, bins) : HUGE_VAL;
        if (diverges <= least + ROUNDING) {
            least = diverges;
            best = bins;
        }
    }
    *out_threshold = bounded(range, value_range_edge(range, -best), value_range_edge(range, best));
    return STATUS_OK;
}

static bool is_percentile(double percentile) {
    return percentile >= THRESHOLD_PERCENTILE_LEAST && percentile <= WHOLE_PERCENT;
}

status threshold_choose(const struct value_range *range, const struct threshold_settings *settings,
                        struct threshold *out_threshold, struct error *err) {
    const bool usual = settings->percentile <= 0 && settings->percentile >= 0;
    const double percentile = usual ? THRESHOLD_PERCENTILE_USUAL : settings->percentile;
    if (range->count == 0) {
        return fail(err, STATUS_INVALID, "the samples gave the tensor no finite value");
    }
    switch (settings->method) {
    case THRESHOLD_MEAN_MIN_MAX:
        *out_threshold = by_mean(range);
        return STATUS_OK;
    case THRESHOLD_PERCENTILE:
        if (!is_percentile(percentile)) {
            return fail(err, STATUS_INVALID, "a percentile of %g is not within %g to %d",
                        percentile, THRESHOLD_PERCENTILE_LEAST, WHOLE_PERCENT);
        }
        *out_threshold = by_percentile(range, percentile);
        return STATUS_OK;
    case THRESHOLD_MSE:
        return by_mse(range, settings->kind, out_threshold, err);
    case THRESHOLD_ENTROPY:
        return by_entropy(range, out_threshold, err);
    default:
        *out_threshold = bounded(range, (double)range->min, (double)range->max);
        return STATUS_OK;
    }
}
