// SPDX-License-Identifier: Apache-2.0
#include "model/value_range.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BINS = VALUE_RANGE_BINS, SAMPLES = 12, EACH = 1500 };

static void begin(struct value_range *range) {
    struct error err;
    assert_int_equal(value_range_init(range, &err), STATUS_OK);
}

static void assert_number(float number, float expected) {
    assert_memory_equal(&number, &expected, sizeof(number));
}

static void assert_same(const struct value_range *range, const struct value_range *other) {
    assert_memory_equal(range->bins, other->bins, (2 * BINS + 1) * sizeof(*range->bins));
    assert_int_equal(range->exponent, other->exponent);
    assert_number(range->min, other->min);
    assert_number(range->max, other->max);
    assert_int_equal(range->count, other->count);
    assert_int_equal(range->nan_count, other->nan_count);
    assert_int_equal(range->infinite_count, other->infinite_count);
    assert_int_equal(range->samples, other->samples);
    assert_memory_equal(&range->sample_minima, &other->sample_minima, sizeof(struct exact_sum));
    assert_memory_equal(&range->sample_maxima, &other->sample_maxima, sizeof(struct exact_sum));
}

static uint64_t all_bins(const struct value_range *range) {
    uint64_t count = 0;
    for (int32_t bin = -BINS; bin <= BINS; bin++) {
        count += value_range_bin(range, bin);
    }
    return count;
}

static void test_value_range__values_lie_in_their_bins(void **state) {
    (void)state;
    struct value_range range;
    begin(&range);
    const float values[] = {-3, -0.5F, 0, 0, 1, 2, 4, 1.0001F, -0x1p-9F};
    value_range_add(&range, values, 9);
    assert_int_equal(range.exponent, 2); /* 4 is reached itself, so a bin is 4 / 2048 = 2^-9 wide */
    assert_int_equal(value_range_bin(&range, 2048), 1);
    assert_int_equal(value_range_bin(&range, 1024), 1);
    assert_int_equal(value_range_bin(&range, 512), 1);
    assert_int_equal(value_range_bin(&range, 513), 1);
    assert_int_equal(value_range_bin(&range, 0), 2);
    assert_int_equal(value_range_bin(&range, -1), 1);
    assert_int_equal(value_range_bin(&range, -256), 1);
    assert_int_equal(value_range_bin(&range, -1536), 1);
    assert_int_equal(all_bins(&range), 9);
    assert_int_equal(range.count, 9);
    assert_number(range.min, -3);
    assert_number(range.max, 4);
    assert_number((float)value_range_edge(&range, 513), 513.0F / 512);
    assert_number((float)value_range_edge(&range, -1536), -3);
    value_range_done(&range);
}

static void test_value_range__extremes_of_samples_are_summed(void **state) {
    (void)state;
    struct value_range range;
    begin(&range);
    value_range_add_batch(&range, (const float[]){1, 5, -2, 3}, 2, 2);
    value_range_add(&range, (const float[]){7, 7.5F, 7}, 3);
    assert_int_equal(range.samples, 3);
    assert_number((float)exact_sum_read(&range.sample_minima), 6);
    assert_number((float)exact_sum_read(&range.sample_maxima), 15.5F);
    value_range_done(&range);
}

/* As few as a value and as many as some blocks, against the plain definition. */
static void test_value_range__counts_what_a_plain_loop_counts(void **state) {
    (void)state;
    static const size_t COUNTS[] = {1, 2, 1023, 1024, 1025, 5000};
    static float values[5000];
    srand(3);
    for (size_t i = 0; i < 5000; i++) {
        values[i] = ldexpf((float)(rand() % 20001 - 10000), -(rand() % 20));
    }
    for (size_t n = 0; n < sizeof(COUNTS) / sizeof(COUNTS[0]); n++) {
        struct value_range range;
        begin(&range);
        value_range_add(&range, values, COUNTS[n]);
        static uint64_t expected[2 * BINS + 1];
        (void)memset(expected, 0, sizeof(expected));
        for (size_t i = 0; i < COUNTS[n]; i++) {
            const double bin = ceil(fabs((double)values[i]) * ldexp(BINS, -range.exponent));
            expected[BINS + (values[i] < 0 ? -(int)bin : (int)bin)]++;
        }
        assert_memory_equal(range.bins, expected, sizeof(expected));
        assert_true(ldexp(1, range.exponent) >= (double)range.max);
        assert_true(ldexp(1, range.exponent - 1) < fmax((double)range.max, -(double)range.min));
        value_range_done(&range);
    }
}

/* Values over all that floats can be, one in twenty no finite number. */
static void fill(float *values, size_t count) {
    static const float ODD[] = {NAN, INFINITY, -INFINITY, -0.0F, 0, 0x1p-149F, 1, -2, 0x1p-111F};
    for (size_t i = 0; i < count; i++) {
        const int kind = rand() % 20;
        values[i] =
            kind == 0 ? ODD[rand() % 9] : ldexpf((float)(rand() % 2001 - 1000), rand() % 240 - 140);
    }
}

static void shuffle(float *values, size_t count) {
    for (size_t i = count - 1; i > 0; i--) {
        const size_t j = (size_t)rand() % (i + 1);
        const float value = values[i];
        values[i] = values[j];
        values[j] = value;
    }
}

static void test_value_range__neither_order_nor_batches_matter(void **state) {
    (void)state;
    static float values[SAMPLES][EACH];
    srand(7);
    for (size_t i = 0; i < SAMPLES; i++) { /* the range grows in the middle of samples */
        fill(values[i], EACH);
    }
    struct value_range whole;
    begin(&whole);
    value_range_add_batch(&whole, values[0], SAMPLES, EACH);
    for (int round = 0; round < 5; round++) {
        struct value_range parts[2];
        begin(&parts[0]);
        begin(&parts[1]);
        for (size_t i = 0; i < SAMPLES; i++) {
            const size_t sample = (i * 5 + (size_t)round) % SAMPLES;
            shuffle(values[sample], EACH);
            value_range_add(&parts[rand() % 2], values[sample], EACH);
        }
        value_range_merge(&parts[round % 2], &parts[1 - round % 2]);
        assert_same(&whole, &parts[round % 2]);
        value_range_done(&parts[0]);
        value_range_done(&parts[1]);
    }
    assert_int_equal(all_bins(&whole), whole.count);
    assert_int_equal(whole.count + whole.nan_count + whole.infinite_count, SAMPLES * EACH);
    value_range_done(&whole);
}

static void test_value_range__grows_by_merging_pairs(void **state) {
    (void)state;
    struct value_range range;
    begin(&range);
    const float fine[] = {0x1p-11F, 0x1p-10F, 0x1.8p-10F, 1, -0x1p-11F, -0x1.8p-10F, -1};
    value_range_add(&range, fine, 7);
    assert_int_equal(range.exponent, 0);
    assert_int_equal(value_range_bin(&range, 3), 1);
    value_range_add(&range, (const float[]){1.5F}, 1);
    assert_int_equal(range.exponent, 1);
    assert_int_equal(value_range_bin(&range, 1), 2); /* were 1 and 2 */
    assert_int_equal(value_range_bin(&range, 2), 1); /* was 3 */
    assert_int_equal(value_range_bin(&range, -1), 1);
    assert_int_equal(value_range_bin(&range, -2), 1);
    assert_int_equal(value_range_bin(&range, 1024), 1);
    assert_int_equal(value_range_bin(&range, -1024), 1);
    value_range_add(&range, (const float[]){FLT_MAX, -FLT_MAX}, 2);
    assert_int_equal(range.exponent, 128);
    assert_int_equal(value_range_bin(&range, 1), 5);
    assert_int_equal(value_range_bin(&range, -1), 3);
    assert_int_equal(value_range_bin(&range, 2048), 1);
    assert_int_equal(value_range_bin(&range, -2048), 1);
    value_range_done(&range);
}

/* More doublings than a number has bits. */
static void test_value_range__grows_from_the_smallest_to_one(void **state) {
    (void)state;
    struct value_range range;
    begin(&range);
    const float small[] = {0x1p-149F, -0x1p-149F, 0x1p-111F, 0x1.8p-111F, 0x1p-100F, -0x1p-100F};
    value_range_add(&range, small, 6);
    assert_int_equal(range.exponent, VALUE_RANGE_EXPONENT_MIN);
    assert_int_equal(value_range_bin(&range, 1), 2);
    assert_int_equal(value_range_bin(&range, -1), 1);
    assert_int_equal(value_range_bin(&range, 2), 1);
    assert_int_equal(value_range_bin(&range, 2048), 1);
    assert_int_equal(value_range_bin(&range, -2048), 1);
    value_range_add(&range, (const float[]){1}, 1);
    assert_int_equal(range.exponent, 0);
    assert_int_equal(value_range_bin(&range, 1), 4);
    assert_int_equal(value_range_bin(&range, -1), 2);
    value_range_done(&range);
}

static void test_value_range__what_is_no_finite_number_is_told_of(void **state) {
    (void)state;
    struct value_range range;
    begin(&range);
    const float values[] = {NAN, 1, -INFINITY, -NAN, -2, INFINITY, INFINITY};
    value_range_add(&range, values, 7);
    value_range_add(&range, (const float[]){NAN, NAN}, 2);
    value_range_add(&range, NULL, 0);
    assert_int_equal(range.nan_count, 4);
    assert_int_equal(range.infinite_count, 3);
    assert_int_equal(range.count, 2);
    assert_int_equal(range.samples, 1);
    assert_int_equal(range.exponent, 1);
    assert_int_equal(all_bins(&range), 2);
    assert_number(range.min, -2);
    assert_number(range.max, 1);
    static const float ALONE[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 4; i++) {
        value_range_add(&range, (const float[]){1, ALONE[i], -1}, 3);
    }
    assert_int_equal(range.nan_count, 6);
    assert_int_equal(range.infinite_count, 5);
    assert_int_equal(range.count, 10);
    assert_int_equal(range.exponent, 1);
    value_range_done(&range);
}

static void test_value_range__zero_has_no_sign(void **state) {
    (void)state;
    struct value_range range;
    begin(&range);
    value_range_add(&range, (const float[]){-0.0F, -0.0F}, 2);
    assert_number(range.min, 0);
    assert_number(range.max, 0);
    value_range_add(&range, (const float[]){0, -0.0F, 1}, 3);
    assert_number(range.min, 0);
    assert_int_equal(value_range_bin(&range, 0), 4);
    value_range_done(&range);
}

static void test_value_range__a_merge_with_nothing_changes_nothing(void **state) {
    (void)state;
    struct value_range range;
    struct value_range nothing;
    struct value_range copy;
    begin(&range);
    begin(&nothing);
    begin(&copy);
    value_range_add(&range, (const float[]){3, 4}, 2);
    value_range_add(&copy, (const float[]){3, 4}, 2);
    value_range_merge(&range, &nothing);
    assert_same(&range, &copy);
    value_range_merge(&nothing, &range);
    assert_same(&nothing, &copy);
    value_range_done(&range);
    value_range_done(&nothing);
    value_range_done(&copy);
}

static void test_value_range__no_memory_is_said(void **state) {
    (void)state;
    struct value_range range;
    struct error err;
    (void)memory_fail_at(0, 0);
    assert_int_equal(value_range_init(&range, &err), STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    value_range_done(&range);
    value_range_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_range__values_lie_in_their_bins),
        cmocka_unit_test(test_value_range__extremes_of_samples_are_summed),
        cmocka_unit_test(test_value_range__counts_what_a_plain_loop_counts),
        cmocka_unit_test(test_value_range__neither_order_nor_batches_matter),
        cmocka_unit_test(test_value_range__grows_by_merging_pairs),
        cmocka_unit_test(test_value_range__grows_from_the_smallest_to_one),
        cmocka_unit_test(test_value_range__what_is_no_finite_number_is_told_of),
        cmocka_unit_test(test_value_range__zero_has_no_sign),
        cmocka_unit_test(test_value_range__a_merge_with_nothing_changes_nothing),
        cmocka_unit_test(test_value_range__no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
