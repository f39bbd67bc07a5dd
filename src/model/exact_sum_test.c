// SPDX-License-Identifier: Apache-2.0
#include "model/exact_sum.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct exact_sum sum_of(const float *numbers, size_t count) {
    struct exact_sum sum = {0};
    for (size_t i = 0; i < count; i++) {
        exact_sum_add(&sum, numbers[i]);
    }
    return sum;
}

static double read_sum(const float *numbers, size_t count) {
    const struct exact_sum sum = sum_of(numbers, count);
    return exact_sum_read(&sum);
}

/* Doubles compared as what they are. */
static void assert_number(double number, double expected) {
    assert_memory_equal(&number, &expected, sizeof(number));
}

static void test_exact_sum__is_the_sum(void **state) {
    (void)state;
    assert_number(read_sum(NULL, 0), 0);
    assert_number(read_sum((const float[]){1.5F}, 1), 1.5);
    assert_number(read_sum((const float[]){-3.5F, 1}, 2), -2.5);
    assert_number(read_sum((const float[]){3.5F, -3.5F}, 2), 0);
    assert_number(read_sum((const float[]){FLT_MAX, FLT_MAX}, 2), 2.0 * (double)FLT_MAX);
    float tenths[1000];
    for (size_t i = 0; i < 1000; i++) {
        tenths[i] = -0.1F;
    }
    assert_number(read_sum(tenths, 1000), -1000 * (double)0.1F);
}

static void test_exact_sum__the_smallest_is_not_lost_beside_the_largest(void **state) {
    (void)state;
    const float small = 0x1p-149F;
    assert_number(read_sum((const float[]){FLT_MAX, small, -FLT_MAX}, 3), (double)small);
    assert_number(read_sum((const float[]){-FLT_MAX, -small, FLT_MAX}, 3), -(double)small);
}

static void test_exact_sum__equal_sums_are_the_same_bits(void **state) {
    (void)state;
    const struct exact_sum whole = sum_of((const float[]){0x1p-117F}, 1);
    const struct exact_sum halves = sum_of((const float[]){0x1p-118F, 0x1p-118F}, 2);
    assert_memory_equal(&whole, &halves, sizeof(whole));
    const struct exact_sum nothing = {0};
    const struct exact_sum cancelled = sum_of((const float[]){1e30F, 7, -1e30F, -7}, 4);
    assert_memory_equal(&nothing, &cancelled, sizeof(nothing));
}

static void test_exact_sum__neither_order_nor_groups_matter(void **state) {
    (void)state;
    enum { COUNT = 500 };
    float numbers[COUNT];
    uint32_t seed = 1;
    for (size_t i = 0; i < COUNT; i++) {
        seed = seed * 1664525U + 1013904223U;
        numbers[i] = ldexpf((float)(int32_t)seed, (int)(seed >> 8 & 127) - 100);
    }
    const struct exact_sum forwards = sum_of(numbers, COUNT);
    struct exact_sum groups = {0};
    for (size_t i = 0; i < COUNT; i += 50) {
        const struct exact_sum group = sum_of(numbers + COUNT - 50 - i, 50);
        exact_sum_merge(&groups, &group);
    }
    assert_memory_equal(&forwards, &groups, sizeof(groups));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_sum__is_the_sum),
        cmocka_unit_test(test_exact_sum__the_smallest_is_not_lost_beside_the_largest),
        cmocka_unit_test(test_exact_sum__equal_sums_are_the_same_bits),
        cmocka_unit_test(test_exact_sum__neither_order_nor_groups_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
