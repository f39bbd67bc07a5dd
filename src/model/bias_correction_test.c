// SPDX-License-Identifier: Apache-2.0
#include "model/bias_correction.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_floats(const float *numbers, const float *expected, size_t count) {
    assert_memory_equal(numbers, expected, count * sizeof(float));
}

/* Means of two channels, from one value each. */
static struct channel_means means_of(float first, float second) {
    struct channel_means means;
    struct error err;
    assert_int_equal(channel_means_init(&means, 2, &err), STATUS_OK);
    channel_means_add(&means, (const float[]){first, second}, (struct channels){1, 2, 1});
    return means;
}

/* Corrects two biases by given means; true when they were. */
static bool correct(float first, float second, float *biases) {
    struct channel_means before = means_of(first, second);
    struct channel_means quantized = means_of(0.5F, 2.25F);
    const bool done = bias_correct(&before, &quantized, biases);
    channel_means_done(&before);
    channel_means_done(&quantized);
    return done;
}

static void test_bias_correction__the_difference_of_means_is_added(void **state) {
    (void)state;
    float biases[] = {1, -0.5F};
    assert_true(correct(1, 2, biases));
    assert_floats(biases, (const float[]){1.5F, -0.75F}, 2);
}

static void test_bias_correction__a_change_of_twice_the_bias_is_none(void **state) {
    (void)state;
    float biases[] = {0.25F, -0.5F}; /* 0.5 would be twice the first */
    assert_false(correct(1, 2, biases));
    assert_floats(biases, (const float[]){0.25F, -0.5F}, 2);
    biases[0] = 0.26F;
    assert_true(correct(1, 2, biases));
}

static void test_bias_correction__a_bias_of_zero_stays(void **state) {
    (void)state;
    float biases[] = {0, -0.5F};
    assert_false(correct(1, 2, biases));
    assert_true(correct(0.5F, 2, biases)); /* nothing is to change in it */
    assert_floats(biases, (const float[]){0, -0.75F}, 2);
}

static void test_bias_correction__means_that_are_no_numbers_change_nothing(void **state) {
    (void)state;
    float biases[] = {1, -0.5F};
    assert_false(correct(NAN, 2, biases));
    assert_false(correct(1, INFINITY, biases));
    struct channel_means before;
    struct channel_means quantized = means_of(1, 1);
    struct error err;
    assert_int_equal(channel_means_init(&before, 2, &err), STATUS_OK);
    assert_false(bias_correct(&before, &quantized, biases)); /* nothing was seen */
    assert_floats(biases, (const float[]){1, -0.5F}, 2);
    channel_means_done(&before);
    channel_means_done(&quantized);
}

static void test_bias_correction__means_are_over_samples_and_places(void **state) {
    (void)state;
    struct channel_means means = means_of(1, 10);
    const float batch[] = {2, 3, 20, 30, 4, 5, 40, 50}; /* two samples, two channels, two places */
    channel_means_add(&means, batch, (struct channels){2, 2, 2});
    assert_int_equal(means.count, 5);
    const double sums[] = {15, 150};
    assert_memory_equal(means.sums, sums, sizeof(sums));
    channel_means_done(&means);
}

static void test_bias_correction__no_memory_is_said(void **state) {
    (void)state;
    struct channel_means means;
    struct error err;
    (void)memory_fail_at(0, 0);
    assert_int_equal(channel_means_init(&means, 4, &err), STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    channel_means_done(&means);
    channel_means_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bias_correction__the_difference_of_means_is_added),
        cmocka_unit_test(test_bias_correction__a_change_of_twice_the_bias_is_none),
        cmocka_unit_test(test_bias_correction__a_bias_of_zero_stays),
        cmocka_unit_test(test_bias_correction__means_that_are_no_numbers_change_nothing),
        cmocka_unit_test(test_bias_correction__means_are_over_samples_and_places),
        cmocka_unit_test(test_bias_correction__no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
