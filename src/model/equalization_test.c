// SPDX-License-Identifier: Apache-2.0
#include "model/equalization.h"

#include "base/memory.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static void assert_floats(const float *numbers, const float *expected, size_t count) {
    assert_memory_equal(numbers, expected, count * sizeof(float));
}

static void test_equalization__a_factor_makes_both_peaks_one(void **state) {
    (void)state;
    float factors[3];
    equalization_factors((const float[]){4, 0.25F, 3}, (const float[]){1, 4, 3}, 3, factors);
    assert_floats(factors, (const float[]){2, 0.25F, 1}, 3);
}

static void test_equalization__a_channel_of_zeros_stays(void **state) {
    (void)state;
    float factors[4];
    const float before[] = {0, 4, 0, FLT_MAX};
    const float behind[] = {4, 0, 0, 1e-40F};
    equalization_factors(before, behind, 4, factors);
    assert_floats(factors, (const float[]){1, 1, 1, 1}, 4);
}

/* Two inputs, two channels with Relu between, one output. */
static float answer(const float *before, const float *biases, const float *behind, float first,
                    float second) {
    float sum = 0;
    for (int i = 0; i < 2; i++) {
        const float value = before[2 * i] * first + before[2 * i + 1] * second + biases[i];
        sum += behind[i] * (value > 0 ? value : 0);
    }
    return sum;
}

static void test_equalization__answers_stay_the_same(void **state) {
    (void)state;
    float before[] = {4, -1, 0.125F, 0.25F};
    float behind[] = {-1, 4};
    float biases[] = {8, 1};
    const float plain = answer(before, biases, behind, 3, 5);
    struct error err;
    assert_int_equal(equalize((struct equalized){before, {1, 2, 2}}, biases,
                              (struct equalized){behind, {1, 2, 1}}, &err),
                     STATUS_OK);
    assert_floats(before, (const float[]){2, -0.5F, 0.5F, 1}, 4);
    assert_floats(biases, (const float[]){4, 4}, 2);
    assert_floats(behind, (const float[]){-2, 1}, 2);
    const float equal = answer(before, biases, behind, 3, 5); /* factors are powers of two */
    assert_floats(&equal, &plain, 1);
}

/* The second layer of two outputs and one tap reads its channels in dimension 1; no bias. */
static void test_equalization__channels_behind_are_where_they_are_read(void **state) {
    (void)state;
    float before[] = {4, 0.25F};
    float behind[] = {1, -4, -0.5F, 2};
    struct error err;
    assert_int_equal(equalize((struct equalized){before, {1, 2, 1}}, NULL,
                              (struct equalized){behind, {2, 2, 1}}, &err),
                     STATUS_OK);
    assert_floats(before, (const float[]){2, 1}, 2);
    assert_floats(behind, (const float[]){2, -1, -1, 0.5F}, 4);
}

static void test_equalization__without_memory_nothing_changes(void **state) {
    (void)state;
    float before[] = {4, 0.25F};
    float behind[] = {1, 4};
    struct error err;
    (void)memory_fail_at(0, 0);
    assert_int_equal(equalize((struct equalized){before, {1, 2, 1}}, NULL,
                              (struct equalized){behind, {1, 2, 1}}, &err),
                     STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    assert_floats(before, (const float[]){4, 0.25F}, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equalization__a_factor_makes_both_peaks_one),
        cmocka_unit_test(test_equalization__a_channel_of_zeros_stays),
        cmocka_unit_test(test_equalization__answers_stay_the_same),
        cmocka_unit_test(test_equalization__channels_behind_are_where_they_are_read),
        cmocka_unit_test(test_equalization__without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
