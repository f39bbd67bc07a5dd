// SPDX-License-Identifier: Apache-2.0
#include "model/dense.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct dense TWO_TO_THREE = {.inputs = 2, .outputs = 3};
static const float WEIGHTS[] = {1, 2, 3, 4, 5, 6};
static const float ROWS[] = {1, 0, 2, -1};

static void test_dense__answers_by_hand(void **state) {
    (void)state;
    float out[6];
    dense_forward(&TWO_TO_THREE, ROWS, 2, WEIGHTS, (float[]){10, 0, -10}, out);
    assert_memory_equal(out, ((float[]){11, 2, -7, 8, -1, -10}), sizeof(out));
}

static void test_dense__slopes_by_hand(void **state) {
    (void)state;
    const float slopes[] = {1, 0, 0, 0, 2, 1};
    float weights_slope[6] = {100};
    float biases_slope[3] = {0};
    float turned[6];
    float back[4];
    dense_learn(&TWO_TO_THREE, ROWS, 2, slopes, weights_slope, biases_slope);
    assert_memory_equal(weights_slope, ((float[]){101, 4, 2, 0, -2, -1}), sizeof(weights_slope));
    assert_memory_equal(biases_slope, ((float[]){1, 2, 1}), sizeof(biases_slope));
    dense_back(&TWO_TO_THREE, slopes, 2, WEIGHTS, turned, back);
    assert_memory_equal(back, ((float[]){1, 4, 7, 16}), sizeof(back));
}

static void test_relu__lets_through_what_is_above_zero(void **state) {
    (void)state;
    float numbers[] = {-1, 0, 2};
    float slopes[] = {5, 6, 7};
    relu_forward(numbers, 3);
    assert_memory_equal(numbers, ((float[]){0, 0, 2}), sizeof(numbers));
    relu_back(numbers, slopes, 3);
    assert_memory_equal(slopes, ((float[]){0, 0, 7}), sizeof(slopes));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense__answers_by_hand),
        cmocka_unit_test(test_dense__slopes_by_hand),
        cmocka_unit_test(test_relu__lets_through_what_is_above_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
