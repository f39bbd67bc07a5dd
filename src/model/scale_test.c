// SPDX-License-Identifier: Apache-2.0
#include "model/scale.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_scale(enum scale_kind kind, float low, float high, double step,
                         int32_t zero_point) {
    struct scale scale = {0};
    const float expected = (float)step;
    assert_true(scale_choose(kind, low, high, &scale));
    assert_memory_equal(&scale.step, &expected, sizeof(expected));
    assert_int_equal(scale.zero_point, zero_point);
}

static void test_scale__uint8_reaches_from_low_to_high(void **state) {
    (void)state;
    assert_scale(SCALE_UINT8, 0, 255, 1, 0);
    assert_scale(SCALE_UINT8, -255, 0, 1, 255);
    assert_scale(SCALE_UINT8, -100, 155, 1, 100);
    assert_scale(SCALE_UINT8, -0.375F, 6, 6.375 / 255, 15); /* a hard swish: 0.025 */
    assert_scale(SCALE_UINT8, -FLT_MAX, FLT_MAX, 2 * (double)FLT_MAX / 255, 128);
}

static void test_scale__the_zero_point_is_rounded_to_even(void **state) {
    (void)state;
    assert_scale(SCALE_UINT8, -0.5F, 254.5F, 1, 0);
    assert_scale(SCALE_UINT8, -1.5F, 253.5F, 1, 2);
    assert_scale(SCALE_UINT8, -2.5F, 252.5F, 1, 2);
}

static void test_scale__zero_is_always_among_its_numbers(void **state) {
    (void)state;
    assert_scale(SCALE_UINT8, -5, -1, 5.0 / 255, 255);
    assert_scale(SCALE_UINT8, 1, 5, 5.0 / 255, 0);
}

static void test_scale__a_zero_point_stays_within_the_kind(void **state) {
    (void)state;
    assert_int_equal(scale_zero_point(SCALE_UINT8, 4.0 / 255, -5), 255); /* 318.75 */
    assert_int_equal(scale_zero_point(SCALE_UINT8, 4.0 / 255, 1), 0);    /* -63.75 */
    assert_int_equal(scale_zero_point(SCALE_UINT8, 1, -7.5), 8);
    assert_int_equal(scale_zero_point(SCALE_INT8, 1, -7.5), 0);
}

static void test_scale__int8_has_zero_in_the_middle(void **state) {
    (void)state;
    assert_scale(SCALE_INT8, -127, 5, 1, 0);
    assert_scale(SCALE_INT8, -5, 254, 2, 0);
    assert_scale(SCALE_INT8, 0, 254, 2, 0);
}

static void test_scale__a_range_without_width_has_none(void **state) {
    (void)state;
    struct scale scale;
    for (enum scale_kind kind = SCALE_UINT8; kind <= SCALE_INT8; kind++) {
        assert_false(scale_choose(kind, 0, 0, &scale));
        assert_false(scale_choose(kind, 0, 1e-37F, &scale)); /* steps would not be normal floats */
        assert_false(scale_choose(kind, NAN, 1, &scale));
        assert_false(scale_choose(kind, 0, NAN, &scale));
        assert_false(scale_choose(kind, -INFINITY, 1, &scale));
        assert_false(scale_choose(kind, 0, INFINITY, &scale));
    }
}

static void test_scale__values_become_the_nearest_number(void **state) {
    (void)state;
    const struct scale unsigned_scale = {.step = 2, .zero_point = 10};
    assert_int_equal(scale_quantize(SCALE_UINT8, &unsigned_scale, 0), 10);
    assert_int_equal(scale_quantize(SCALE_UINT8, &unsigned_scale, 1), 10); /* 0.5 */
    assert_int_equal(scale_quantize(SCALE_UINT8, &unsigned_scale, 3), 12); /* 1.5 */
    assert_int_equal(scale_quantize(SCALE_UINT8, &unsigned_scale, -5), 8); /* -2.5 */
    assert_int_equal(scale_quantize(SCALE_UINT8, &unsigned_scale, -1000), 0);
    assert_int_equal(scale_quantize(SCALE_UINT8, &unsigned_scale, 1000), 255);
    const struct scale signed_scale = {.step = 1};
    assert_int_equal(scale_quantize(SCALE_INT8, &signed_scale, -127.4F), -127);
    assert_int_equal(scale_quantize(SCALE_INT8, &signed_scale, -300), -128);
    assert_int_equal(scale_quantize(SCALE_INT8, &signed_scale, INFINITY), 127);
    assert_true(scale_value(&unsigned_scale, 8) + 4 == 0);
    assert_true(scale_value(&unsigned_scale, 255) - 490 == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale__uint8_reaches_from_low_to_high),
        cmocka_unit_test(test_scale__the_zero_point_is_rounded_to_even),
        cmocka_unit_test(test_scale__zero_is_always_among_its_numbers),
        cmocka_unit_test(test_scale__a_zero_point_stays_within_the_kind),
        cmocka_unit_test(test_scale__int8_has_zero_in_the_middle),
        cmocka_unit_test(test_scale__a_range_without_width_has_none),
        cmocka_unit_test(test_scale__values_become_the_nearest_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
