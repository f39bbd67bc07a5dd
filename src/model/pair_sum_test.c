// SPDX-License-Identifier: Apache-2.0
#include "model/pair_sum.h"

#include "model/weight_scale.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "model/test_vpmaddubsw.h"

static bool channel_fits(const int8_t *numbers, const struct pair_order *order, size_t channel) {
    return pair_peak(numbers, order, channel) <= 128;
}

static bool fits(const int8_t *numbers, size_t count) {
    const struct pair_order order = pair_order_matrix(count, 1, true);
    return channel_fits(numbers, &order, 0);
}

static void test_pair_sum__a_pair_fits_up_to_128(void **state) {
    (void)state;
    assert_true(fits((const int8_t[]){64, 64}, 2));  /* 255 * 128 = 32640 */
    assert_false(fits((const int8_t[]){64, 65}, 2)); /* 255 * 129 = 32895 */
    assert_true(fits((const int8_t[]){-127, -1}, 2));
    assert_false(fits((const int8_t[]){-127, -2}, 2));
    assert_true(fits((const int8_t[]){127, -127}, 2));
    assert_true(fits((const int8_t[]){127, 0}, 2));
}

/* Sums are the largest where each activation is 0 or 255, so these four are all there is to try. */
static void test_pair_sum__fits_where_nothing_saturates_and_only_there(void **state) {
    (void)state;
    static const uint8_t VALUES[][2] = {{0, 0}, {0, 255}, {255, 0}, {255, 255}};
    for (int first = -127; first <= 127; first++) {
        for (int second = -127; second <= 127; second++) {
            const int8_t pair[] = {(int8_t)first, (int8_t)second};
            bool exact = true;
            for (size_t i = 0; i < 4; i++) {
                exact = exact && test_vpmaddubsw(VALUES[i], pair) ==
                                     VALUES[i][0] * first + VALUES[i][1] * second;
            }
            assert_int_equal(fits(pair, 2), exact);
        }
    }
}

static void test_pair_sum__within_64_nothing_saturates(void **state) {
    (void)state;
    for (int first = -WEIGHT_LIMIT_LEAST; first <= WEIGHT_LIMIT_LEAST; first++) {
        for (int second = -WEIGHT_LIMIT_LEAST; second <= WEIGHT_LIMIT_LEAST; second++) {
            assert_true(fits((const int8_t[]){(int8_t)first, (int8_t)second}, 2));
        }
    }
}

static void test_pair_sum__pairs_begin_at_even_places(void **state) {
    (void)state;
    assert_true(fits((const int8_t[]){0, 127, 127, 0}, 4));
    assert_false(fits((const int8_t[]){0, 0, 127, 127}, 4));
    assert_true(fits((const int8_t[]){1, 2, 127}, 3)); /* a zero follows */
    assert_true(fits(NULL, 0));
}

static void test_pair_sum__filters_are_read_tap_by_tap(void **state) {
    (void)state;
    /* Three inputs of two taps: pairs are (0,2) (4,1) (3,5) of what lies in memory. */
    static const size_t PAIRS[][2] = {{0, 2}, {4, 1}, {3, 5}};
    const struct pair_order order = pair_order_conv(2, 3, 2);
    for (size_t first = 0; first < 6; first++) {
        for (size_t second = first + 1; second < 6; second++) {
            int8_t numbers[12] = {0};
            numbers[6 + first] = 100;
            numbers[6 + second] = 100;
            bool is_pair = false;
            for (size_t i = 0; i < 3; i++) {
                is_pair = is_pair || (PAIRS[i][0] == first && PAIRS[i][1] == second) ||
                          (PAIRS[i][0] == second && PAIRS[i][1] == first);
            }
            assert_true(channel_fits(numbers, &order, 0));
            assert_int_equal(channel_fits(numbers, &order, 1), !is_pair);
        }
    }
}

static void test_pair_sum__matrices_are_read_along_their_depth(void **state) {
    (void)state;
    const int8_t numbers[] = {100, 1, 100, 2, 100, 3}; /* [3, 2] or, turned, [2, 3] */
    const struct pair_order columns = pair_order_matrix(3, 2, false);
    assert_false(channel_fits(numbers, &columns, 0)); /* 100 100 100 */
    assert_true(channel_fits(numbers, &columns, 1));  /* 1 2 3 */
    const struct pair_order rows = pair_order_matrix(3, 2, true);
    assert_true(channel_fits(numbers, &rows, 0)); /* 100 1 100 */
    assert_true(channel_fits(numbers, &rows, 1)); /* 2 100 3 */
}

static void test_pair_sum__unsafe_channels_get_a_lower_limit(void **state) {
    (void)state;
    const int8_t numbers[] = {127, -127, 127, 33, 64, 64, -127, -127, 65, 64, 65, 64};
    const struct pair_order order = pair_order_matrix(2, 6, true);
    int8_t limits[] = {127, 127, 127, 127, 127, 65};
    assert_int_equal(pair_limits_lower(numbers, &order, limits), 4);
    /* 127 * 128 / 160 = 101.6, / 254 = 64, / 129 = 126.02; 65 * 128 / 129 = 64.5 */
    const int8_t expected[] = {127, 101, 127, 64, 126, 64};
    assert_memory_equal(limits, expected, sizeof(expected));
    assert_int_equal(pair_limits_lower(numbers, &order, limits), 4);
    const int8_t again[] = {127, 80, 127, 64, 125, 64};
    assert_memory_equal(limits, again, sizeof(again));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair_sum__a_pair_fits_up_to_128),
        cmocka_unit_test(test_pair_sum__fits_where_nothing_saturates_and_only_there),
        cmocka_unit_test(test_pair_sum__within_64_nothing_saturates),
        cmocka_unit_test(test_pair_sum__pairs_begin_at_even_places),
        cmocka_unit_test(test_pair_sum__filters_are_read_tap_by_tap),
        cmocka_unit_test(test_pair_sum__matrices_are_read_along_their_depth),
        cmocka_unit_test(test_pair_sum__unsafe_channels_get_a_lower_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
