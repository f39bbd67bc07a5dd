// SPDX-License-Identifier: Apache-2.0
#include "model/weight_scale.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void assert_floats(const float *numbers, const float *expected, size_t count) {
    assert_memory_equal(numbers, expected, count * sizeof(float));
}

static void steps_of(const float *weights, struct channels layout, const int8_t *limits,
                     float *out_steps) {
    struct error err;
    assert_int_equal(weight_steps(weights, layout, limits, out_steps, &err), STATUS_OK);
}

/* Returns how many channels were widened. */
static size_t widen(const float *biases, struct channels layout, float input_step, float *steps) {
    struct error err;
    size_t widened = 99;
    assert_int_equal(weight_steps_for_bias(biases, layout, input_step, steps, &widened, &err),
                     STATUS_OK);
    return widened;
}

static void test_weight_scale__the_largest_weight_is_127_steps(void **state) {
    (void)state;
    const float weights[] = {-127, 63.5F, 2.5F, 254, -127, 1};
    const struct channels layout = {1, 2, 3};
    float steps[2];
    steps_of(weights, layout, NULL, steps);
    assert_floats(steps, (const float[]){1, 2}, 2);
    int8_t numbers[6];
    weight_quantize(weights, layout, steps, NULL, numbers);
    const int8_t expected[] = {-127, 64, 2, 127, -64, 0}; /* halves go to the even number */
    assert_memory_equal(numbers, expected, sizeof(expected));
}

static void test_weight_scale__channels_may_be_columns(void **state) {
    (void)state;
    const float weights[] = {-127, 254, 63.5F, -127, 2.5F, 1}; /* the same, turned */
    const struct channels layout = {3, 2, 1};
    float steps[2];
    steps_of(weights, layout, NULL, steps);
    assert_floats(steps, (const float[]){1, 2}, 2);
    int8_t numbers[6];
    weight_quantize(weights, layout, steps, NULL, numbers);
    const int8_t expected[] = {-127, 127, 64, -64, 2, 0};
    assert_memory_equal(numbers, expected, sizeof(expected));
}

static void test_weight_scale__a_channel_of_zeros_has_step_1(void **state) {
    (void)state;
    const float weights[] = {0, -0.0F, 1e-38F, -1e-40F, 0, 1.27F};
    const struct channels layout = {1, 3, 2};
    float steps[3];
    steps_of(weights, layout, NULL, steps);
    assert_floats(steps, (const float[]){1, 1, 1.27F / 127}, 3);
    int8_t numbers[6];
    weight_quantize(weights, layout, steps, NULL, numbers);
    const int8_t expected[] = {0, 0, 0, 0, 0, 127};
    assert_memory_equal(numbers, expected, sizeof(expected));
}

static void test_weight_scale__each_channel_has_its_limit(void **state) {
    (void)state;
    const float weights[] = {64, -64, 127, 1};
    const struct channels layout = {1, 2, 2};
    const int8_t limits[] = {WEIGHT_LIMIT_LEAST, WEIGHT_LIMIT_MOST};
    float steps[2];
    steps_of(weights, layout, limits, steps);
    assert_floats(steps, (const float[]){1, 1}, 2);
    int8_t numbers[4];
    weight_quantize(weights, layout, steps, limits, numbers);
    const int8_t expected[] = {64, -64, 127, 1};
    assert_memory_equal(numbers, expected, sizeof(expected));
}

static void test_weight_scale__numbers_stay_within_the_limit(void **state) {
    (void)state;
    const float weights[] = {-128, 1000, -65, 65};
    const struct channels layout = {1, 2, 2};
    const int8_t limits[] = {WEIGHT_LIMIT_MOST, WEIGHT_LIMIT_LEAST};
    int8_t numbers[4];
    weight_quantize(weights, layout, (const float[]){1, 1}, limits, numbers);
    const int8_t expected[] = {-127, 127, -64, 64};
    assert_memory_equal(numbers, expected, sizeof(expected));
}

static void test_weight_scale__weights_that_are_no_numbers_are_refused(void **state) {
    (void)state;
    struct error err;
    float steps[2];
    assert_int_equal(
        weight_steps((const float[]){1, NAN}, (struct channels){1, 2, 1}, NULL, steps, &err),
        STATUS_INVALID);
    assert_non_null(strstr(err.text, "channel 1"));
    assert_int_equal(
        weight_steps((const float[]){-INFINITY, 1}, (struct channels){1, 2, 1}, NULL, steps, &err),
        STATUS_INVALID);
}

static void test_weight_scale__a_bias_has_the_step_of_both(void **state) {
    (void)state;
    float steps[] = {0.5F, 0.25F, 1};
    const float biases[] = {2.5F, -1, 1.25F};
    assert_int_equal(widen(biases, (struct channels){1, 3, 9}, 0.5F, steps), 0);
    assert_floats(steps, (const float[]){0.5F, 0.25F, 1}, 3);
    int32_t numbers[3];
    bias_quantize(biases, 3, 0.5F, steps, numbers);
    const int32_t expected[] = {10, -8, 2}; /* 2.5 to the even number */
    assert_memory_equal(numbers, expected, sizeof(expected));
}

/* Weights of 1e-10 have a step of 7.9e-13: a bias of 1 would be 127 million million steps. */
static void test_weight_scale__a_large_bias_asks_for_larger_steps(void **state) {
    (void)state;
    const float weights[] = {1e-10F, -1e-10F, 1e-10F, 1e-10F, 1, 2, 3, 4};
    const float biases[] = {1, 1};
    const struct channels layout = {1, 2, 4};
    float steps[2];
    steps_of(weights, layout, NULL, steps);
    const float second = steps[1];
    assert_int_equal(widen(biases, layout, 0.01F, steps), 1);
    assert_floats(&steps[1], &second, 1);
    /* 1.0001 / (2^31 - 1 - 4 * 255 * 127) / 0.01 */
    assert_true(fabs((double)steps[0] - 1.0001 / 2147354107 / 0.01) < 1e-14);

    int32_t numbers[2];
    bias_quantize(biases, 2, 0.01F, steps, numbers);
    const double stands_for = numbers[0] * (double)bias_step(0.01F, steps[0]);
    assert_true(fabs(stands_for - 1) < 1e-6);
    int8_t quantized[8];
    weight_quantize(weights, layout, steps, NULL, quantized);
    const int8_t expected[] = {0, 0, 0, 0, 32, 64, 95, 127}; /* 31.75, 63.5, 95.25 */
    assert_memory_equal(quantized, expected, sizeof(expected));
}

/* 1000 products of 255 * 127 are added to a bias that would be just within int32. */
static void test_weight_scale__a_bias_leaves_room_for_the_products(void **state) {
    (void)state;
    const struct channels layout = {1, 1, 1000};
    const float bias = -214700;
    float step = 0.01F;
    assert_int_equal(widen(&bias, layout, 0.01F, &step), 1);
    int32_t number;
    bias_quantize(&bias, 1, 0.01F, &step, &number);
    assert_true((int64_t)number - 1000 * 255 * 127 >= -INT32_MAX);
    assert_true(number < -2110000000);
}

static void test_weight_scale__the_step_of_a_bias_is_a_normal_float(void **state) {
    (void)state;
    float step = 1e-12F;
    const float bias = 0;
    assert_int_equal(widen(&bias, (struct channels){1, 1, 1}, 1e-30F, &step), 1);
    assert_true(bias_step(1e-30F, step) >= FLT_MIN);
}

static void test_weight_scale__a_bias_without_a_step_is_refused(void **state) {
    (void)state;
    static const float BIASES[] = {NAN, INFINITY, -INFINITY, FLT_MAX};
    for (size_t i = 0; i < sizeof(BIASES) / sizeof(BIASES[0]); i++) {
        const float biases[] = {1, BIASES[i]};
        float steps[] = {1, 1};
        size_t widened;
        struct error err;
        assert_int_equal(weight_steps_for_bias(biases, (struct channels){1, 2, 1}, FLT_MIN, steps,
                                               &widened, &err),
                         STATUS_INVALID);
        assert_non_null(strstr(err.text, "channel 1"));
    }
}

static void test_weight_scale__a_bias_beyond_int32_is_held(void **state) {
    (void)state;
    int32_t numbers[2];
    bias_quantize((const float[]){1e12F, -1e12F}, 2, 1, (const float[]){1, 1}, numbers);
    const int32_t expected[] = {INT32_MAX, -INT32_MAX};
    assert_memory_equal(numbers, expected, sizeof(expected));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight_scale__the_largest_weight_is_127_steps),
        cmocka_unit_test(test_weight_scale__channels_may_be_columns),
        cmocka_unit_test(test_weight_scale__a_channel_of_zeros_has_step_1),
        cmocka_unit_test(test_weight_scale__each_channel_has_its_limit),
        cmocka_unit_test(test_weight_scale__numbers_stay_within_the_limit),
        cmocka_unit_test(test_weight_scale__weights_that_are_no_numbers_are_refused),
        cmocka_unit_test(test_weight_scale__a_bias_has_the_step_of_both),
        cmocka_unit_test(test_weight_scale__a_large_bias_asks_for_larger_steps),
        cmocka_unit_test(test_weight_scale__a_bias_leaves_room_for_the_products),
        cmocka_unit_test(test_weight_scale__the_step_of_a_bias_is_a_normal_float),
        cmocka_unit_test(test_weight_scale__a_bias_without_a_step_is_refused),
        cmocka_unit_test(test_weight_scale__a_bias_beyond_int32_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
