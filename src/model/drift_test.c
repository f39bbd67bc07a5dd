// SPDX-License-Identifier: Apache-2.0
#include "model/drift.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 5003 };

static void assert_near(double number, double expected) {
    assert_true(fabs(number - expected) <= 1e-12 * fabs(expected));
}

static void assert_number(double number, double expected) {
    assert_memory_equal(&number, &expected, sizeof(number));
}

static void test_drift__figures_are_those_computed_by_hand(void **state) {
    (void)state;
    struct drift drift = {.mask_above = 1.5F};
    drift_add(&drift, (const float[]){1, 2, 3, 4}, (const float[]){1, 2, 7, 1}, 4, 2);
    assert_int_equal(drift.count, 4);
    assert_number(drift_largest(&drift), 4);
    assert_near(drift_sqnr_db(&drift), 10 * log10(30.0 / 25)); /* 1+4+9+16, 16+9 */
    assert_near(drift_cosine(&drift), 30 / sqrt(30.0 * 55));   /* 1+4+21+4, 1+4+49+1 */
    assert_near(drift_agreement(&drift), 0.5);                 /* 1,1 and 1,0 */
    assert_near(drift_mask_overlap(&drift), 2.0 / 3);          /* 2 and 3 of 2, 3 and 4 */
    drift_add(&drift, (const float[]){-5, 0}, (const float[]){-5, 1}, 2, 0); /* no rows */
    assert_number(drift_largest(&drift), 4);
    assert_near(drift_sqnr_db(&drift), 10 * log10(55.0 / 26));
    assert_near(drift_agreement(&drift), 0.5);
}

static void test_drift__the_same_bits_do_not_drift(void **state) {
    (void)state;
    struct drift drift = {0};
    const float values[] = {0.1F, -3, 1e-30F, 0.7F, INFINITY, -INFINITY};
    drift_add(&drift, values, values, 6, 3);
    assert_int_equal(drift.broken, 0);
    assert_number(drift_largest(&drift), 0);
    assert_number(drift_sqnr_db(&drift), HUGE_VAL);
    assert_number(drift_cosine(&drift), 1);
    assert_number(drift_agreement(&drift), 1);
    assert_number(drift_mask_overlap(&drift), 1);
    struct drift ones = {0};
    drift_add(&ones, (const float[]){1, 1}, (const float[]){1, 1}, 2, 2);
    assert_number(drift_cosine(&ones), 1); /* 2 / (sqrt(2) * sqrt(2)) is a little less */
    const struct drift nothing = {0};
    assert_number(drift_sqnr_db(&nothing), HUGE_VAL);
    assert_number(drift_agreement(&nothing), 1);
    assert_number(drift_mask_overlap(&nothing), 1);
}

/* Each figure says the worst when a value of either, or of both, is no number. */
static void test_drift__nan_in_either_is_a_difference(void **state) {
    (void)state;
    static const float PAIRS[][2] = {{NAN, 1},      {1, NAN},       {NAN, NAN},
                                     {INFINITY, 1}, {1, -INFINITY}, {INFINITY, -INFINITY}};
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        for (size_t at = 0; at < 20; at++) {
            float reference[20] = {[3] = 2, [13] = 2};
            float candidate[20] = {[3] = 2, [13] = 2};
            reference[at] = PAIRS[i][0];
            candidate[at] = PAIRS[i][1];
            struct drift drift = {.mask_above = 0.5F};
            drift_add(&drift, reference, candidate, 20, 10);
            assert_int_equal(drift.broken, 1);
            assert_number(drift_largest(&drift), HUGE_VAL);
            assert_number(drift_sqnr_db(&drift), -HUGE_VAL);
            assert_number(drift_cosine(&drift), 0);
            assert_number(drift_agreement(&drift), 0.5);
            assert_true(drift_mask_overlap(&drift) < 0.7); /* 2 of 3, or 1 of 2 */
            assert_true(isfinite(drift.difference_squares) && isfinite(drift.products));
        }
    }
}

static void test_drift__a_nan_does_not_hide_the_rest(void **state) {
    (void)state;
    struct drift drift = {0};
    drift_add(&drift, (const float[]){NAN, 3, INFINITY, 2}, (const float[]){1, 5, INFINITY, 2}, 4,
              0);
    assert_int_equal(drift.broken, 1);
    assert_number(drift.largest, 2);
    assert_number(drift.difference_squares, 4);
    assert_number(drift.reference_squares, 13);
    assert_number(drift.candidate_squares, 29);
    assert_number(drift.products, 19);
}

static void test_drift__of_equal_largest_values_the_first_counts(void **state) {
    (void)state;
    struct drift drift = {0};
    drift_add(&drift, (const float[]){5, 5, 1}, (const float[]){5, 4, 1}, 3, 3);
    assert_number(drift_agreement(&drift), 1);
    drift_add(&drift, (const float[]){5, 5, 1}, (const float[]){4, 5, 1}, 3, 3);
    assert_number(drift_agreement(&drift), 0.5);
    drift_add(&drift, (const float[]){1, 2}, (const float[]){2, 1}, 2, 1); /* nothing to agree on */
    assert_int_equal(drift.rows, 2);
}

static void test_drift__zeros_have_no_direction(void **state) {
    (void)state;
    struct drift drift = {0};
    drift_add(&drift, (const float[]){0, 0}, (const float[]){1, 1}, 2, 2);
    assert_number(drift_cosine(&drift), 0);
    assert_number(drift_sqnr_db(&drift), -HUGE_VAL);
    struct drift opposite = {0};
    drift_add(&opposite, (const float[]){1, 2}, (const float[]){-1, -2}, 2, 2);
    assert_near(drift_cosine(&opposite), -1);
}

/* Many values, as few as one, against plain sums; and the same in samples that are merged. */
static void test_drift__sums_are_those_of_a_plain_loop(void **state) {
    (void)state;
    static float reference[COUNT];
    static float candidate[COUNT];
    static const size_t COUNTS[] = {1, 7, 8, 9, 1023, 1024, 1025, COUNT};
    srand(4);
    for (size_t i = 0; i < COUNT; i++) {
        reference[i] = (float)(rand() % 2001 - 1000) / 100;
        candidate[i] = reference[i] + (float)(rand() % 201 - 100) / 1000;
    }
    for (size_t n = 0; n < sizeof(COUNTS) / sizeof(COUNTS[0]); n++) {
        double sums[4] = {0};
        double largest = 0;
        uint64_t both = 0;
        uint64_t any = 0;
        for (size_t i = 0; i < COUNTS[n]; i++) {
            const double value = (double)reference[i];
            const double other = (double)candidate[i];
            largest = fmax(largest, fabs(value - other));
            sums[0] += (value - other) * (value - other);
            sums[1] += value * value;
            sums[2] += other * other;
            sums[3] += value * other;
            both += value > 3 && other > 3 ? 1 : 0;
            any += value > 3 || other > 3 ? 1 : 0;
        }
        struct drift whole = {.mask_above = 3};
        drift_add(&whole, reference, candidate, COUNTS[n], 0);
        struct drift parts[2] = {{.mask_above = 3}, {.mask_above = 3}};
        const size_t half = COUNTS[n] / 2;
        drift_add(&parts[0], reference, candidate, half, 0);
        drift_add(&parts[1], reference + half, candidate + half, COUNTS[n] - half, 0);
        drift_merge(&parts[0], &parts[1]);
        for (int i = 0; i < 2; i++) {
            const struct drift *drift = i == 0 ? &whole : &parts[0];
            assert_int_equal(drift->count, COUNTS[n]);
            assert_number(drift->largest, largest);
            assert_near(drift->difference_squares, sums[0]);
            assert_near(drift->reference_squares, sums[1]);
            assert_near(drift->candidate_squares, sums[2]);
            assert_near(drift->products, sums[3]);
            assert_int_equal(drift->mask_both, both);
            assert_int_equal(drift->mask_any, any);
        }
    }
}

static void test_drift__merging_keeps_all_counts(void **state) {
    (void)state;
    struct drift drift = {.mask_above = 1};
    struct drift other = {.mask_above = 1};
    drift_add(&drift, (const float[]){1, 2}, (const float[]){1, 2}, 2, 2);
    drift_add(&other, (const float[]){3, NAN, 5, 4}, (const float[]){3, 1, 4, 5}, 4, 2);
    drift_merge(&drift, &other);
    assert_int_equal(drift.count, 6);
    assert_int_equal(drift.broken, 1);
    assert_int_equal(drift.rows, 3);
    assert_int_equal(drift.rows_agreeing, 1);
    assert_int_equal(drift.mask_both, 4);
    assert_int_equal(drift.mask_any, 5);
    assert_number(drift.largest, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drift__figures_are_those_computed_by_hand),
        cmocka_unit_test(test_drift__the_same_bits_do_not_drift),
        cmocka_unit_test(test_drift__nan_in_either_is_a_difference),
        cmocka_unit_test(test_drift__a_nan_does_not_hide_the_rest),
        cmocka_unit_test(test_drift__of_equal_largest_values_the_first_counts),
        cmocka_unit_test(test_drift__zeros_have_no_direction),
        cmocka_unit_test(test_drift__sums_are_those_of_a_plain_loop),
        cmocka_unit_test(test_drift__merging_keeps_all_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
