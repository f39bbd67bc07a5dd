// SPDX-License-Identifier: Apache-2.0
#include "model/interval.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double got, double wanted) {
    if (fabs(got - wanted) > 1e-9) {
        fail_msg("%.12g, wanted %.12g", got, wanted);
    }
}

static struct interval of_one_group(const double *numbers, uint32_t count, uint64_t seed) {
    const struct interval_groups groups = {.counts = {count}, .count = 1};
    return interval_of_median(numbers, &groups, seed);
}

static void test_interval_percentile__lies_between_neighbours(void **state) {
    (void)state;
    const double numbers[] = {10, 20, 30, 50};
    assert_near(interval_percentile(numbers, 4, 0), 10);
    assert_near(interval_percentile(numbers, 4, 0.5), 25);
    assert_near(interval_percentile(numbers, 4, 0.95), 47); /* 2.85: 30 and 0.85 of the way on */
    assert_near(interval_percentile(numbers, 4, 1), 50);
    assert_near(interval_percentile(numbers, 1, 0.95), 10);
}

static void test_interval__of_equal_numbers_is_that_number(void **state) {
    (void)state;
    const double numbers[] = {7, 7, 7, 7};
    const struct interval interval = of_one_group(numbers, 4, 1);
    assert_near(interval.low, 7);
    assert_near(interval.middle, 7);
    assert_near(interval.high, 7);
    assert_near(interval_width(interval), 0);
}

/* Of three numbers the least is the median of 7 of 27 samples: far more often than 2.5 %. */
static void test_interval__of_few_numbers_reaches_from_the_least_to_the_largest(void **state) {
    (void)state;
    const double numbers[] = {12, 9, 10};
    const struct interval interval = of_one_group(numbers, 3, 1);
    assert_near(interval.low, 9);
    assert_near(interval.middle, 10);
    assert_near(interval.high, 12);
    assert_near(interval_width(interval), 0.3);
}

/* The chance that the median of a sample of 1 .. 25 is at most k is that of 13 and more successes
 * among 25 with a chance of k/25: 0.96 % for 7, 2.99 % for 8; 97.0 % for 17, 99.0 % for 18. */
static void test_interval__is_where_the_binomial_distribution_says(void **state) {
    (void)state;
    double numbers[25];
    for (int i = 0; i < 25; i++) {
        numbers[i] = (i * 7) % 25 + 1; /* each of them once, in no order */
    }
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct interval interval = of_one_group(numbers, 25, seed);
        assert_near(interval.middle, 13);
        assert_true(interval.low >= 7.9 && interval.low <= 9);
        assert_true(interval.high >= 17 && interval.high <= 18.1);
    }
}

/* The two in the middle of an even count are both drawn from: 1 2 3 4 has medians of halves. */
static void test_interval__of_an_even_count_has_its_middle_between_two(void **state) {
    (void)state;
    const double numbers[] = {4, 1, 3, 2};
    const struct interval interval = of_one_group(numbers, 4, 1);
    assert_near(interval.middle, 2.5);
    assert_near(interval.low, 1);
    assert_near(interval.high, 4);
}

static void test_interval__is_the_same_for_the_same_seed(void **state) {
    (void)state;
    double numbers[40];
    for (int i = 0; i < 40; i++) {
        numbers[i] = sin(i) + 2;
    }
    const struct interval first = of_one_group(numbers, 40, 3);
    const struct interval second = of_one_group(numbers, 40, 3);
    assert_near(first.low, second.low);
    assert_near(first.high, second.high);
}

static void test_interval__one_disturbed_round_does_not_move_it(void **state) {
    (void)state;
    double numbers[30];
    for (int i = 0; i < 30; i++) {
        numbers[i] = 10 + 0.01 * i;
    }
    numbers[4] = 90;
    const struct interval interval = of_one_group(numbers, 30, 1);
    assert_true(interval_width(interval) < 0.03);
    assert_true(interval.high < 10.3);
}

/* Four processes of ten rounds, one of them a fifth slower: as rounds that stand for themselves the
 * median is sure to be 10; but three of four processes are slow ones in 13 of 256 draws. */
static void test_interval__groups_that_differ_make_it_wide(void **state) {
    (void)state;
    const struct interval_groups groups = {.counts = {10, 10, 10, 10}, .count = 4};
    double numbers[40];
    for (int i = 0; i < 40; i++) {
        numbers[i] = i < 10 ? 12 : 10;
    }
    const struct interval apart = interval_of_median(numbers, &groups, 1);
    const struct interval alike = of_one_group(numbers, 40, 1);
    assert_near(apart.low, 10);
    assert_near(apart.middle, 10);
    assert_near(apart.high, 12);
    assert_near(interval_width(alike), 0);
}

/* The groups' order and that of their numbers mean nothing; sizes may differ. */
static void test_interval__groups_may_have_any_size(void **state) {
    (void)state;
    const struct interval_groups groups = {.counts = {1, 5}, .count = 2};
    const double numbers[] = {4, 7, 7, 7, 7, 7};
    const struct interval interval = interval_of_median(numbers, &groups, 1);
    assert_near(interval.low, 4);
    assert_near(interval.middle, 7);
    assert_near(interval.high, 7);
}

static void test_interval_width__of_a_middle_of_zero_is_endless(void **state) {
    (void)state;
    assert_true(isinf(interval_width((struct interval){.low = -1, .middle = 0, .high = 1})));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval_percentile__lies_between_neighbours),
        cmocka_unit_test(test_interval__of_equal_numbers_is_that_number),
        cmocka_unit_test(test_interval__of_few_numbers_reaches_from_the_least_to_the_largest),
        cmocka_unit_test(test_interval__is_where_the_binomial_distribution_says),
        cmocka_unit_test(test_interval__of_an_even_count_has_its_middle_between_two),
        cmocka_unit_test(test_interval__is_the_same_for_the_same_seed),
        cmocka_unit_test(test_interval__one_disturbed_round_does_not_move_it),
        cmocka_unit_test(test_interval__groups_that_differ_make_it_wide),
        cmocka_unit_test(test_interval__groups_may_have_any_size),
        cmocka_unit_test(test_interval_width__of_a_middle_of_zero_is_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
