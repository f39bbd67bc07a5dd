// SPDX-License-Identifier: Apache-2.0
#include "model/convolution.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "model/dice.h"

static const struct convolution SMALL = {.height = 2, .width = 3, .channels = 1, .filters = 4};

/* 1 2 3
 * 4 5 6, with its rim. */
static const float PICTURE[] = {0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0, 0};

/* Filter 0 is the sum of a window, 1 what stands to the right, 2 what stands above, 3 nothing. */
static void fill_weights(float *weights) {
    for (int i = 0; i < 9; i++) {
        weights[4 * i] = 1;
        weights[4 * i + 1] = i == 5 ? 1 : 0;
        weights[4 * i + 2] = i == 1 ? 1 : 0;
        weights[4 * i + 3] = 0;
    }
}

static void test_convolution__windows_by_hand(void **state) {
    (void)state;
    float weights[36];
    const float biases[] = {0, 0, 0.5F, -1};
    float out[24];
    const float sums[] = {12, 21, 16, 12, 21, 16};
    const float right[] = {2, 3, 0, 5, 6, 0};
    const float above[] = {0, 0, 0, 1, 2, 3};
    fill_weights(weights);
    assert_int_equal(convolution_rimmed(&SMALL, 1), 20);
    assert_int_equal(convolution_given(&SMALL), 24);
    assert_int_equal(convolution_peaks(&SMALL), 4);
    convolution_forward(&SMALL, PICTURE, weights, biases, out);
    for (int i = 0; i < 6; i++) {
        assert_true(out[4 * i] == sums[i]);
        assert_true(out[4 * i + 1] == right[i]);
        assert_true(out[4 * i + 2] == above[i] + 0.5F);
        assert_true(out[4 * i + 3] == -1);
    }
}

/* The slope by one answer is what its window saw, and what its filter is, turned. */
static void test_convolution__slopes_by_hand(void **state) {
    (void)state;
    float weights[36];
    float slopes[80] = {0}; /* 4 x 5 points with their rim, 4 filters */
    float turned[36];
    float weights_slope[36] = {0};
    float biases_slope[4] = {0};
    float back[6];
    fill_weights(weights);
    slopes[(1 * 5 + 1) * 4] = 1;     /* the sum at row 0, column 0 */
    slopes[(2 * 5 + 2) * 4 + 2] = 3; /* what stands above row 1, column 1 */
    convolution_learn(&SMALL, PICTURE, slopes, weights_slope, biases_slope);
    const float seen[] = {0, 0, 0, 0, 1, 2, 0, 4, 5};
    const float seen_below[] = {1, 2, 3, 4, 5, 6, 0, 0, 0};
    for (int i = 0; i < 9; i++) {
        assert_true(weights_slope[4 * i] == seen[i]);
        assert_true(weights_slope[4 * i + 1] == 0);
        assert_true(weights_slope[4 * i + 2] == 3 * seen_below[i]);
    }
    assert_true(biases_slope[0] == 1 && biases_slope[1] == 0 && biases_slope[2] == 3);
    convolution_back(&SMALL, slopes, weights, turned, back);
    const float handed[] = {1, 1 + 3, 0, 1, 1, 0};
    assert_memory_equal(back, handed, sizeof(handed));
}

static void test_convolution__of_four_the_largest_goes_on(void **state) {
    (void)state;
    const struct convolution shape = {.height = 3, .width = 4, .channels = 1, .filters = 4};
    float given[48];
    float out[8];
    int32_t peaks[8];
    for (int i = 0; i < 48; i++) {
        given[i] = -1; /* the third row counts for nothing */
    }
    given[0] = 2;          /* filter 0: the first of four */
    given[4 + 1] = 3;      /* filter 1: the second */
    given[16 + 2] = 4;     /* filter 2: the third; filter 3: none is above 0 */
    given[20 + 4 + 8] = 7; /* second 2x2, filter 0: the fourth is at row 1, column 3 */
    given[16 + 12] = 7;
    given[32] = 99;
    peaks_forward(&shape, given, out, 8, peaks);
    const float wanted[] = {2, 3, 4, 0, 7, 0, 0, 0};
    const int32_t which[] = {0, 1, 2, PEAK_NONE, 3, PEAK_NONE, PEAK_NONE, PEAK_NONE};
    assert_memory_equal(out, wanted, sizeof(wanted));
    assert_memory_equal(peaks, which, sizeof(which));

    float slopes[8] = {10, 20, 30, 40, 50, 60, 70, 80};
    float back[120] = {0};
    peaks_back(&shape, slopes, peaks, back);
    float sum = 0;
    for (int i = 0; i < 120; i++) {
        sum += back[i];
    }
    assert_true(sum == 10 + 20 + 30 + 50);
    assert_true(back[(6 + 1) * 4] == 10);
    assert_true(back[(6 + 2) * 4 + 1] == 20);
    assert_true(back[(12 + 1) * 4 + 2] == 30);
    assert_true(back[(12 + 4) * 4] == 50);
}

/* Of equals the first is taken, so that an answer does not depend on the machine's vectors. */
static void test_convolution__of_equals_the_first_goes_on(void **state) {
    (void)state;
    const struct convolution shape = {.height = 2, .width = 2, .channels = 1, .filters = 4};
    float given[16];
    float out[4];
    int32_t peaks[4];
    for (int i = 0; i < 16; i++) {
        given[i] = 5;
    }
    peaks_forward(&shape, given, out, 4, peaks);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(peaks[i], 0);
        assert_true(out[i] == 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution__windows_by_hand),
        cmocka_unit_test(test_convolution__slopes_by_hand),
        cmocka_unit_test(test_convolution__of_four_the_largest_goes_on),
        cmocka_unit_test(test_convolution__of_equals_the_first_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
