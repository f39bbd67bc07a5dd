// SPDX-License-Identifier: Apache-2.0
#include "base/decimal.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_rounds(double number, int digits, double expected) {
    const double got = decimal_round(number, digits);
    if (got != expected) {
        fail_msg("%.17g to %d digits is %.17g, not %.17g", number, digits, got, expected);
    }
}

static void test_decimal__has_no_more_digits_than_asked_for(void **state) {
    (void)state;
    assert_rounds(-18.456, 2, -18.46);
    assert_rounds(18.454, 2, 18.45);
    assert_rounds(1234.5678, 0, 1235);
    assert_rounds(99.996, 2, 100);
    assert_rounds(0.1 + 0.2, 15, 0.3);
    assert_rounds(2.5e-7, 7, 3e-7);
}

static void test_decimal__halves_are_those_that_people_see(void **state) {
    (void)state;
    assert_rounds(0.285, 2, 0.29); /* 0.28499999999999998 */
    assert_rounds(-1.005, 2, -1.01);
    assert_rounds(2.675, 2, 2.68);
    assert_rounds(0.5, 0, 1);
    assert_rounds(-2.5, 0, -3);
}

static void test_decimal__what_has_fewer_stays(void **state) {
    (void)state;
    assert_rounds(18.5, 2, 18.5);
    assert_rounds(3, 0, 3);
    assert_rounds(1e300, 3, 1e300);
    assert_rounds(123456789012345.6, 1, 123456789012345.6);
    assert_rounds(DBL_MAX, 15, DBL_MAX);
    assert_rounds(0, 4, 0);
    assert_true(isnan(decimal_round(NAN, 2)));
    assert_true(isinf(decimal_round(-INFINITY, 2)));
}

static void test_decimal__what_is_too_small_is_nothing_and_has_no_sign(void **state) {
    (void)state;
    assert_rounds(0.004, 2, 0);
    assert_rounds(DBL_TRUE_MIN, 15, 0);
    assert_rounds(4e-17, 0, 0);
    assert_false(signbit(decimal_round(-0.004, 2)));
    assert_false(signbit(decimal_round(-4e-300, 2)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal__has_no_more_digits_than_asked_for),
        cmocka_unit_test(test_decimal__halves_are_those_that_people_see),
        cmocka_unit_test(test_decimal__what_has_fewer_stays),
        cmocka_unit_test(test_decimal__what_is_too_small_is_nothing_and_has_no_sign),
    };
    return cmocka_run_group_tests_name("base/decimal", tests, NULL, NULL);
}
