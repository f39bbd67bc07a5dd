// SPDX-License-Identifier: Apache-2.0
#include "model/quantized_layer.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/test_vpmaddubsw.h"

enum { CHANNELS = 6, INPUTS = 5, TAPS = 9, DEPTH = INPUTS * TAPS };

/* The weights of channels that are safe, unsafe, of zeros, and random. */
static void fill(float *weights) {
    srand(2);
    for (size_t i = 0; i < (size_t)CHANNELS * DEPTH; i++) {
        const float random = (float)(rand() % 2001 - 1000) / 1000;
        const size_t channel = i / DEPTH;
        weights[i] = channel == 0   ? random / 100
                     : channel == 1 ? 1
                     : channel == 2 ? 0
                     : channel == 3 ? -3 - random / 10
                                    : random;
    }
    weights[7] = 1; /* one large weight beside small ones is safe */
}

struct fixture {
    float weights[CHANNELS * DEPTH];
    float biases[CHANNELS];
    int8_t numbers[CHANNELS * DEPTH];
    float steps[CHANNELS];
    int32_t bias_numbers[CHANNELS];
};

static struct quantized_layer quantized(struct fixture *fixture, const struct pair_order *order) {
    const struct plain_layer layer = {.weights = fixture->weights,
                                      .layout = {1, CHANNELS, DEPTH},
                                      .biases = fixture->biases,
                                      .input_step = 0.01F,
                                      .order = order};
    struct quantized_layer result = {
        .weights = fixture->numbers, .steps = fixture->steps, .biases = fixture->bias_numbers};
    struct error err;
    assert_int_equal(quantize_layer(&layer, &result, &err), STATUS_OK);
    return result;
}

/* The numbers of a channel, in the order of the kernel. */
static void in_order(const int8_t *numbers, size_t channel, int8_t *out_numbers) {
    for (size_t i = 0; i < DEPTH; i++) {
        out_numbers[i] = numbers[channel * DEPTH + i % INPUTS * TAPS + i / INPUTS];
    }
}

/* In how many of random dot products, and of two extreme ones, saturation changes the sum. */
static int saturated(const struct fixture *fixture, size_t channel) {
    int8_t numbers[DEPTH];
    in_order(fixture->numbers, channel, numbers);
    int count = 0;
    for (int round = 0; round < 200; round++) {
        uint8_t values[DEPTH];
        for (size_t i = 0; i < DEPTH; i++) {
            values[i] = (uint8_t)(round == 0   ? numbers[i] > 0 ? 255 : 0
                                  : round == 1 ? numbers[i] < 0 ? 255 : 0
                                               : rand() % 256);
        }
        count += test_dot_in_pairs(values, numbers, DEPTH) != test_dot(values, numbers, DEPTH);
    }
    return count;
}

static void test_quantized_layer__no_sum_of_pairs_saturates(void **state) {
    (void)state;
    struct fixture fixture = {.biases = {1, -1, 0.5F, 0}};
    fill(fixture.weights);
    const struct pair_order order = pair_order_conv(CHANNELS, INPUTS, TAPS);
    const struct quantized_layer wide = quantized(&fixture, NULL);
    assert_int_equal(wide.narrow, 0);
    assert_int_equal(saturated(&fixture, 0), 0);
    assert_true(saturated(&fixture, 1) > 0 && saturated(&fixture, 3) > 0);
    int8_t safe[DEPTH];
    (void)memcpy(safe, fixture.numbers, DEPTH);

    const struct quantized_layer narrow = quantized(&fixture, &order);
    assert_int_equal(narrow.narrow, 4); /* neither the safe one nor that of zeros */
    assert_memory_equal(fixture.numbers, safe, DEPTH);
    assert_true(fixture.steps[1] >= 1.0F / 64 && fixture.steps[1] <= 1.0F / 64);
    int largest = 0;
    for (size_t i = 4 * DEPTH; i < 5 * DEPTH; i++) { /* random weights need not go down to 64 */
        largest = abs(fixture.numbers[i]) > largest ? abs(fixture.numbers[i]) : largest;
    }
    assert_true(largest > 64 && largest < 127);
    for (size_t channel = 0; channel < CHANNELS; channel++) {
        assert_int_equal(saturated(&fixture, channel), 0);
    }
}

static void test_quantized_layer__numbers_stand_for_what_was_there(void **state) {
    (void)state;
    struct fixture fixture = {.biases = {1, -1, 0.5F, 0}};
    fill(fixture.weights);
    const struct pair_order order = pair_order_conv(CHANNELS, INPUTS, TAPS);
    const struct quantized_layer layer = quantized(&fixture, &order);
    assert_int_equal(layer.widened, 0);
    for (size_t i = 0; i < (size_t)CHANNELS * DEPTH; i++) {
        const float step = fixture.steps[i / DEPTH];
        const float value = (float)fixture.numbers[i] * step;
        assert_true(fabsf(value - fixture.weights[i]) <= step * 0.501F);
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        const float step = bias_step(0.01F, fixture.steps[i]);
        assert_true(fabsf((float)fixture.bias_numbers[i] * step - fixture.biases[i]) <= step);
    }
}

/* The larger step of a bias makes the weights so small that they are safe. */
static void test_quantized_layer__a_large_bias_is_looked_at_before_pairs(void **state) {
    (void)state;
    struct fixture fixture = {.biases = {0, 1e6F}};
    fill(fixture.weights);
    const struct pair_order order = pair_order_conv(CHANNELS, INPUTS, TAPS);
    const struct quantized_layer layer = quantized(&fixture, &order);
    assert_int_equal(layer.widened, 1);
    assert_int_equal(layer.narrow, 3);
    assert_true(fixture.numbers[DEPTH] < 64);
}

/* 64 and 65 are one too many; so they are, rounded again, with a limit of 126. */
static void test_quantized_layer__is_made_again_until_all_pairs_fit(void **state) {
    (void)state;
    const float weights[] = {127, 0, 64.49F, 65.49F};
    const struct pair_order order = pair_order_matrix(4, 1, true);
    const struct plain_layer layer = {
        .weights = weights, .layout = {1, 1, 4}, .input_step = 1, .order = &order};
    int8_t numbers[4];
    float step;
    struct quantized_layer result = {.weights = numbers, .steps = &step};
    struct error err;
    assert_int_equal(quantize_layer(&layer, &result, &err), STATUS_OK);
    const int8_t expected[] = {125, 0, 63, 64};
    assert_memory_equal(numbers, expected, sizeof(expected));
    assert_int_equal(result.narrow, 1);
}

static void test_quantized_layer__what_cannot_be_quantized_is_said(void **state) {
    (void)state;
    struct fixture fixture = {.biases = {0}};
    fill(fixture.weights);
    const struct pair_order order = pair_order_conv(CHANNELS, INPUTS, TAPS);
    const struct plain_layer layer = {.weights = fixture.weights,
                                      .layout = {1, CHANNELS, DEPTH},
                                      .biases = fixture.biases,
                                      .input_step = 0.01F,
                                      .order = &order};
    struct quantized_layer result = {
        .weights = fixture.numbers, .steps = fixture.steps, .biases = fixture.bias_numbers};
    struct error err;
    (void)memory_fail_at(0, 0);
    assert_int_equal(quantize_layer(&layer, &result, &err), STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    fixture.biases[3] = NAN;
    assert_int_equal(quantize_layer(&layer, &result, &err), STATUS_INVALID);
    fixture.weights[0] = NAN;
    assert_int_equal(quantize_layer(&layer, &result, &err), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantized_layer__no_sum_of_pairs_saturates),
        cmocka_unit_test(test_quantized_layer__numbers_stand_for_what_was_there),
        cmocka_unit_test(test_quantized_layer__a_large_bias_is_looked_at_before_pairs),
        cmocka_unit_test(test_quantized_layer__is_made_again_until_all_pairs_fit),
        cmocka_unit_test(test_quantized_layer__what_cannot_be_quantized_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
