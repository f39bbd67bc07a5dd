// SPDX-License-Identifier: Apache-2.0
#include "base/float16.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_float16__known_numbers(void **state) {
    (void)state;
    const struct {
        uint16_t half;
        float number;
    } known[] = {
        {0x0000, 0.0F},     {0x3c00, 1.0F},     {0xc000, -2.0F},        {0x3555, 0.333251953125F},
        {0x7bff, 65504.0F}, {0x0001, 0x1p-24F}, {0x03ff, 0x1.ff8p-15F}, {0x0400, 0x1p-14F},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(float16_to_float(known[i].half) == known[i].number);
        assert_int_equal(float16_from_float(known[i].number), known[i].half);
    }
}

static void test_float16__every_half_comes_back(void **state) {
    (void)state;
    for (uint32_t half = 0; half <= 0xffff; half++) {
        const float number = float16_to_float((uint16_t)half);
        const uint16_t back = float16_from_float(number);
        if (isnan(number)) {
            assert_true(isnan(float16_to_float(back)));
            assert_int_equal(back & 0x8000, half & 0x8000);
        } else {
            assert_int_equal(back, half);
        }
    }
}

/* Halfway between two neighbours it is the even one, a hair further it is the nearer one. */
static void test_float16__between_two_it_is_the_nearest(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x7bff; half++) {
        const float low = float16_to_float((uint16_t)half);
        const float high = float16_to_float((uint16_t)(half + 1));
        const float middle = low + (high - low) / 2;
        assert_int_equal(float16_from_float(middle), (half & 1) == 0 ? half : half + 1);
        assert_int_equal(float16_from_float(nextafterf(middle, 0)), half);
        assert_int_equal(float16_from_float(nextafterf(middle, INFINITY)), half + 1);
    }
}

static void test_float16__what_is_too_large_or_too_small(void **state) {
    (void)state;
    assert_int_equal(float16_from_float(65519.996F), 0x7bff);
    assert_int_equal(float16_from_float(65520.0F), 0x7c00);
    assert_int_equal(float16_from_float(-1e30F), 0xfc00);
    assert_int_equal(float16_from_float(0x1p-25F), 0);
    assert_int_equal(float16_from_float(nextafterf(0x1p-25F, 1)), 1);
    assert_int_equal(float16_from_float(-1e-30F), 0x8000);
    assert_true(isnan(float16_to_float(float16_from_float(NAN))));
}

static void test_float16__known_numbers_of_bfloat16(void **state) {
    (void)state;
    const struct {
        uint16_t half;
        float number;
    } known[] = {
        {0x0000, 0.0F},           {0x8000, -0.0F},       {0x3f80, 1.0F},      {0xc000, -2.0F},
        {0x3dcd, 0.10009765625F}, {0x7f7f, 0x1.fep127F}, {0x0001, 0x1p-133F}, {0x7f80, INFINITY},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(bfloat16_to_float(known[i].half) == known[i].number);
        assert_int_equal(bfloat16_from_float(known[i].number), known[i].half);
    }
    assert_int_equal(bfloat16_from_float(0.1F), 0x3dcd);
}

/* Each comes back; halfway to its neighbour it is the even one, a hair further the nearer one. */
static void test_float16__between_two_bfloat16_it_is_the_nearest(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x7f7f; half++) {
        const float low = bfloat16_to_float((uint16_t)half);
        const float high = bfloat16_to_float((uint16_t)(half + 1));
        const float middle = low + (high - low) / 2;
        assert_int_equal(bfloat16_from_float(low), half);
        assert_int_equal(bfloat16_from_float(-low), half | 0x8000);
        assert_int_equal(bfloat16_from_float(middle), (half & 1) == 0 ? half : half + 1);
        assert_int_equal(bfloat16_from_float(nextafterf(middle, 0)), half);
        assert_int_equal(bfloat16_from_float(nextafterf(middle, INFINITY)), half + 1);
    }
    assert_int_equal(bfloat16_from_float(0x1.fffffep127F), 0x7f80);
    assert_int_equal(bfloat16_from_float(-INFINITY), 0xff80);
    for (uint32_t last = 1; last < 0x7fffff; last = last * 2 + 1) {
        float none;
        const uint32_t bits = 0xff800000U | last;
        (void)memcpy(&none, &bits, sizeof(none));
        assert_true(isnan(bfloat16_to_float(bfloat16_from_float(none))));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float16__known_numbers),
        cmocka_unit_test(test_float16__every_half_comes_back),
        cmocka_unit_test(test_float16__between_two_it_is_the_nearest),
        cmocka_unit_test(test_float16__what_is_too_large_or_too_small),
        cmocka_unit_test(test_float16__known_numbers_of_bfloat16),
        cmocka_unit_test(test_float16__between_two_bfloat16_it_is_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
