// SPDX-License-Identifier: Apache-2.0
#include "model/threshold.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BINS = VALUE_RANGE_BINS, VALUES_MAX = 200000 };

static float values[VALUES_MAX];

static void begin(struct value_range *range, size_t count) {
    struct error err;
    assert_int_equal(value_range_init(range, &err), STATUS_OK);
    value_range_add(range, values, count);
}

static struct threshold choose(const struct value_range *range, enum threshold_method method,
                               enum scale_kind kind, double percentile) {
    const struct threshold_settings settings = {
        .method = method, .kind = kind, .percentile = percentile};
    struct threshold bounds;
    struct error err;
    assert_int_equal(threshold_choose(range, &settings, &bounds, &err), STATUS_OK);
    assert_true(bounds.low <= 0 && bounds.high >= 0 && !signbit(bounds.high));
    return bounds;
}

static void assert_bounds(struct threshold bounds, double low, double high) {
    const float expected[] = {(float)low, (float)high};
    assert_memory_equal(&bounds.low, &expected[0], sizeof(float));
    assert_memory_equal(&bounds.high, &expected[1], sizeof(float));
}

static void assert_percentile(size_t count, double percentile, double low, double high) {
    struct value_range range;
    begin(&range, count);
    assert_bounds(choose(&range, THRESHOLD_PERCENTILE, SCALE_UINT8, percentile), low, high);
    value_range_done(&range);
}

/* From `first` on, each one larger. */
static void count_up(float first, size_t count) {
    for (size_t i = 0; i < count; i++) {
        values[i] = first + (float)i;
    }
}

static double drawn(void) {
    return (double)(rand() % 1000000) / 1000000;
}

/* As good as a normal distribution: a sum of twelve even ones, cut at 3, and one value far away. */
static void draw_outlier(size_t count) {
    srand(5);
    for (size_t i = 0; i < count; i++) {
        double sum = -6;
        for (int j = 0; j < 12; j++) {
            sum += drawn();
        }
        values[i] = (float)(sum > 3 ? 3 : sum < -3 ? -3 : sum);
    }
    values[count / 2] = 12;
}

static void test_threshold__min_max_is_what_was_seen_and_zero(void **state) {
    (void)state;
    static const float CASES[][4] = {
        {-2, 7, -2, 7}, {2, 5, 0, 5}, {-5, -2, -5, 0}, {0, 0, 0, 0}, {-0.0F, 1, 0, 1}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct value_range range;
        (void)memcpy(values, CASES[i], 2 * sizeof(float));
        begin(&range, 2);
        assert_bounds(choose(&range, THRESHOLD_MIN_MAX, SCALE_UINT8, 0), (double)CASES[i][2],
                      (double)CASES[i][3]);
        value_range_done(&range);
    }
}

static void test_threshold__mean_min_max_is_the_mean_of_samples(void **state) {
    (void)state;
    struct value_range range;
    begin(&range, 0);
    value_range_add_batch(&range, (const float[]){1, 5, -2, 3, -5, 7}, 3, 2);
    assert_bounds(choose(&range, THRESHOLD_MEAN_MIN_MAX, SCALE_UINT8, 0), -2, 5);
    value_range_add_batch(&range, (const float[]){30, 40}, 1, 2); /* the mean minimum is 6 now */
    assert_bounds(choose(&range, THRESHOLD_MEAN_MIN_MAX, SCALE_UINT8, 0), 0, 55.0 / 4);
    value_range_done(&range);
}

/* Whole numbers are edges of bins here, so that the bounds are whole numbers. */
static void test_threshold__percentile_cuts_both_sides(void **state) {
    (void)state;
    count_up(-500, 500);
    for (size_t i = 0; i < 500; i++) {
        values[500 + i] = 1 + (float)i;
    }
    assert_percentile(1000, 99, -495, 495);   /* five on each side */
    assert_percentile(1000, 99.9, -500, 500); /* half a value */
    assert_percentile(1000, 99.8, -499, 499);
    assert_percentile(1000, 50, -250, 250);
    assert_percentile(1000, 100, -500, 500);
    assert_percentile(1000, 0, -500, 500); /* 99.99 */
}

static void test_threshold__percentile_cuts_one_side_where_there_is_one(void **state) {
    (void)state;
    count_up(1, 1000);
    assert_percentile(1000, 99, 0, 990);
    assert_percentile(1000, 99.9, 0, 999); /* 100 - 99.9 is a little less than 0.1 */
    count_up(-1000, 1000);
    assert_percentile(1000, 99, -990, 0);
    count_up(0, 1000);
    assert_percentile(1000, 99, 0, 989);
    count_up(1, 20000);
    assert_percentile(20000, 0, 0, 20000); /* two, but the last bin holds 16 */
}

static void test_threshold__percentile_takes_the_far_edge(void **state) {
    (void)state;
    count_up(1, 1000);
    values[989] = 990.1F; /* bins are half as wide as a whole number */
    assert_percentile(1000, 99, 0, 990.5);
    count_up(-1000, 1000);
    values[10] = -990.1F;
    assert_percentile(1000, 99, -990.5, 0);
}

static void test_threshold__bounds_are_not_beyond_what_was_seen(void **state) {
    (void)state;
    struct value_range range;
    values[0] = 3.1F;
    values[1] = -3.1F;
    begin(&range, 2);
    for (int method = 0; method < THRESHOLD_METHOD_COUNT; method++) {
        const struct threshold bounds =
            choose(&range, (enum threshold_method)method, SCALE_UINT8, 100);
        assert_true(bounds.low >= -3.1F && bounds.high <= 3.1F && bounds.high > 2);
    }
    value_range_done(&range);
}

/* The error of a candidate, by definition. */
static double error_of(const struct value_range *range, enum scale_kind kind, float low,
                       float high) {
    struct scale scale;
    double sum = 0;
    assert_true(scale_choose(kind, low, high, &scale));
    for (int32_t bin = -BINS; bin <= BINS; bin++) {
        const double middle = value_range_edge(range, bin) - (bin > 0   ? 1
                                                              : bin < 0 ? -1
                                                                        : 0) *
                                                                 value_range_edge(range, 1) / 2;
        const int32_t number = scale_quantize(kind, &scale, (float)middle);
        const double error = middle - (number - scale.zero_point) * (double)scale.step;
        sum += (double)value_range_bin(range, bin) * error * error;
    }
    return sum;
}

static void test_threshold__mse_is_the_least_of_71_candidates(void **state) {
    (void)state;
    for (enum scale_kind kind = SCALE_UINT8; kind <= SCALE_INT8; kind++) {
        struct value_range range;
        draw_outlier(20000);
        for (size_t i = 0; kind == SCALE_UINT8 && i < 20000; i++) {
            values[i] = fabsf(values[i]); /* or the sides would be looked at one by one as well */
        }
        begin(&range, 20000);
        double least = HUGE_VAL;
        float best = 0;
        for (int i = 100; i >= 30; i--) {
            const float high = (float)(i / 100.0 * 12);
            const float low = (float)(i / 100.0 * (double)range.min);
            const double error = error_of(&range, kind, kind == SCALE_UINT8 ? 0 : low, high);
            best = error < least ? high : best;
            least = error < least ? error : least;
        }
        const struct threshold bounds = choose(&range, THRESHOLD_MSE, kind, 0);
        assert_true(best > 3.5F && best < 12);
        assert_true(bounds.high >= best && bounds.high <= best);
        value_range_done(&range);
    }
}

/* What comes out of a hard swish: the upper bound pays for being cut, the lower one hardly, and
 * both by the same share not at all. */
static void test_threshold__mse_cuts_the_side_that_pays(void **state) {
    (void)state;
    struct value_range range;
    srand(11);
    for (size_t i = 0; i < VALUES_MAX; i++) {
        const double value = 6 * drawn() - 3;
        values[i] = (float)(value * (value + 3) / 6);
    }
    values[7] = 8;
    begin(&range, VALUES_MAX);
    const struct threshold bounds = choose(&range, THRESHOLD_MSE, SCALE_UINT8, 0);
    assert_true(bounds.low <= -0.36F);
    assert_true(bounds.high < 7 && bounds.high > 3);
    value_range_done(&range);
}

/* The divergence when `bins` bins of |x| are kept, written down as it is defined. */
static double divergence_of(const struct value_range *range, int32_t bins) {
    double seen[BINS] = {0};
    double quantized[BINS] = {0};
    double sums[2] = {0};
    for (int32_t i = 0; i < BINS; i++) {
        const double count =
            (double)(value_range_bin(range, i + 1) + value_range_bin(range, -i - 1));
        seen[i < bins ? i : bins - 1] += count;
        quantized[i < bins ? i : 0] += i < bins ? count : 0;
    }
    for (int32_t level = 0; level < 128; level++) {
        double sum = 0;
        double filled = 0;
        for (int32_t i = 0; i < bins; i++) {
            sum += i * 128 / bins == level ? quantized[i] : 0;
            filled += i * 128 / bins == level && quantized[i] > 0;
        }
        for (int32_t i = 0; i < bins; i++) {
            quantized[i] =
                i * 128 / bins == level && quantized[i] > 0 ? sum / filled : quantized[i];
        }
    }
    for (int32_t i = 0; i < bins; i++) {
        quantized[i] = seen[i] > 0 && quantized[i] <= 0 ? 1e-4 : quantized[i];
        sums[0] += seen[i];
        sums[1] += quantized[i];
    }
    double divergence = 0;
    for (int32_t i = 0; i < bins; i++) {
        const double p = seen[i] / sums[0];
        divergence += seen[i] > 0 ? p * log(p / (quantized[i] / sums[1])) : 0;
    }
    return divergence;
}

/* Calibration by entropy that compares as many bins as levels has one candidate, the maximum. */
static void test_threshold__entropy_leaves_an_outlier_out(void **state) {
    (void)state;
    struct value_range range;
    draw_outlier(VALUES_MAX);
    begin(&range, VALUES_MAX);
    const struct threshold bounds = choose(&range, THRESHOLD_ENTROPY, SCALE_UINT8, 0);
    assert_true(bounds.high < 3.3F && bounds.high >= 3); /* the maximum is 12 */
    assert_true(bounds.low >= -3 && bounds.low <= -3);

    const int32_t best = (int32_t)ceil((double)bounds.high / value_range_edge(&range, 1));
    const double least = divergence_of(&range, best);
    for (int32_t bins = 128; bins <= 1536; bins += bins > best - 20 && bins < best + 20 ? 1 : 64) {
        assert_true(bins == best || divergence_of(&range, bins) > least);
    }
    value_range_done(&range);
}

static void test_threshold__entropy_keeps_what_is_even(void **state) {
    (void)state;
    struct value_range range;
    count_up(-1000, 2001);
    begin(&range, 2001);
    assert_bounds(choose(&range, THRESHOLD_ENTROPY, SCALE_UINT8, 0), -1000, 1000);
    value_range_done(&range);
}

/* With one value in twenty cut off, one bin diverges from itself as little as two do. */
static void test_threshold__entropy_keeps_the_widest_of_equals(void **state) {
    (void)state;
    struct value_range range;
    for (size_t i = 0; i < 1000; i++) {
        values[i] = i % 20 == 0 ? 0.9F : 0.3F;
    }
    begin(&range, 1000);
    assert_bounds(choose(&range, THRESHOLD_ENTROPY, SCALE_UINT8, 0), 0, (double)0.9F);
    value_range_done(&range);
}

/* A bound below all values would have nothing that diverges. */
static void test_threshold__entropy_does_not_cut_off_all(void **state) {
    (void)state;
    struct value_range range;
    for (size_t i = 0; i < 10001; i++) {
        values[i] = 0.9F + (float)i / 100000;
    }
    begin(&range, 10001);
    const struct threshold bounds = choose(&range, THRESHOLD_ENTROPY, SCALE_UINT8, 0);
    assert_true(bounds.high >= 0.99F);
    value_range_done(&range);
}

static void test_threshold__zeros_alone_have_no_width(void **state) {
    (void)state;
    struct value_range range;
    (void)memset(values, 0, sizeof(values));
    begin(&range, 1000);
    for (int method = 0; method < THRESHOLD_METHOD_COUNT; method++) {
        assert_bounds(choose(&range, (enum threshold_method)method, SCALE_UINT8, 0), 0, 0);
    }
    value_range_done(&range);
}

static status choice(const struct value_range *range, enum threshold_method method,
                     double percentile) {
    const struct threshold_settings settings = {.method = method, .percentile = percentile};
    struct threshold bounds;
    struct error err;
    return threshold_choose(range, &settings, &bounds, &err);
}

static void test_threshold__what_cannot_be_chosen_is_said(void **state) {
    (void)state;
    struct value_range range;
    values[0] = NAN;
    begin(&range, 1);
    for (int method = 0; method < THRESHOLD_METHOD_COUNT; method++) {
        assert_int_equal(choice(&range, (enum threshold_method)method, 0), STATUS_INVALID);
    }
    value_range_add(&range, (const float[]){1, 2}, 2);
    static const double WRONG[] = {-1, 49.9, 100.1, NAN};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_int_equal(choice(&range, THRESHOLD_PERCENTILE, WRONG[i]), STATUS_INVALID);
    }
    (void)memory_fail_at(0, 1);
    assert_int_equal(choice(&range, THRESHOLD_MSE, 0), STATUS_NO_MEMORY);
    assert_int_equal(choice(&range, THRESHOLD_ENTROPY, 0), STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    value_range_done(&range);
}

static void test_threshold__methods_have_names(void **state) {
    (void)state;
    for (int i = 0; i < THRESHOLD_METHOD_COUNT; i++) {
        enum threshold_method method = THRESHOLD_METHOD_COUNT;
        const char *name = threshold_method_name((enum threshold_method)i);
        assert_true(threshold_method_read(slice_of(name), &method));
        assert_int_equal(method, i);
    }
    enum threshold_method method;
    assert_false(threshold_method_read(slice_of("minmax"), &method));
    assert_string_equal(threshold_method_name(THRESHOLD_METHOD_COUNT), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold__min_max_is_what_was_seen_and_zero),
        cmocka_unit_test(test_threshold__mean_min_max_is_the_mean_of_samples),
        cmocka_unit_test(test_threshold__percentile_cuts_both_sides),
        cmocka_unit_test(test_threshold__percentile_cuts_one_side_where_there_is_one),
        cmocka_unit_test(test_threshold__percentile_takes_the_far_edge),
        cmocka_unit_test(test_threshold__bounds_are_not_beyond_what_was_seen),
        cmocka_unit_test(test_threshold__mse_is_the_least_of_71_candidates),
        cmocka_unit_test(test_threshold__mse_cuts_the_side_that_pays),
        cmocka_unit_test(test_threshold__entropy_leaves_an_outlier_out),
        cmocka_unit_test(test_threshold__entropy_keeps_what_is_even),
        cmocka_unit_test(test_threshold__entropy_keeps_the_widest_of_equals),
        cmocka_unit_test(test_threshold__entropy_does_not_cut_off_all),
        cmocka_unit_test(test_threshold__zeros_alone_have_no_width),
        cmocka_unit_test(test_threshold__what_cannot_be_chosen_is_said),
        cmocka_unit_test(test_threshold__methods_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
