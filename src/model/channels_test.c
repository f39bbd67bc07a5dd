// SPDX-License-Identifier: Apache-2.0
#include "model/channels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static void assert_layout(struct channels layout, size_t outer, size_t count, size_t inner) {
    assert_int_equal(layout.outer, outer);
    assert_int_equal(layout.count, count);
    assert_int_equal(layout.inner, inner);
}

static void assert_floats(const float *numbers, const float *expected, size_t count) {
    assert_memory_equal(numbers, expected, count * sizeof(float));
}

static void test_channels__are_those_of_a_dimension(void **state) {
    (void)state;
    const int64_t filter[] = {8, 3, 5, 7};
    assert_layout(channels_of(filter, 4, 0), 1, 8, 105);
    assert_layout(channels_of(filter, 4, 1), 8, 3, 35);
    assert_layout(channels_of(filter, 4, 3), 120, 7, 1);
    assert_layout(channels_of((const int64_t[]){9}, 1, 0), 1, 9, 1);
}

static void test_channels__a_peak_is_the_largest_size(void **state) {
    (void)state;
    const float values[] = {1, -2, 3, 0, -5, 4, -0.5F, 0};
    float peaks[4];
    channels_peak(values, (struct channels){1, 4, 2}, peaks);
    assert_floats(peaks, (const float[]){2, 3, 5, 0.5F}, 4);
    channels_peak(values, (struct channels){2, 2, 2}, peaks);
    assert_floats(peaks, (const float[]){5, 3}, 2);
    channels_peak(values, (struct channels){4, 2, 1}, peaks);
    assert_floats(peaks, (const float[]){5, 4}, 2);
}

static void test_channels__a_peak_does_not_pass_over_nan(void **state) {
    (void)state;
    const float values[] = {1, NAN, 2, 3, INFINITY, 4};
    float peaks[2];
    channels_peak(values, (struct channels){1, 2, 3}, peaks);
    assert_true(isnan(peaks[0]) && isinf(peaks[1]));
}

static void test_channels__each_is_multiplied_by_its_own_factor(void **state) {
    (void)state;
    float values[] = {1, 2, 3, 4, 5, 6, 7, 8};
    channels_multiply(values, (struct channels){2, 2, 2}, (const float[]){10, 0.5F});
    assert_floats(values, (const float[]){10, 20, 1.5F, 2, 50, 60, 3.5F, 4}, 8);
}

static void test_channels__sums_are_added_to_what_is_there(void **state) {
    (void)state;
    float values[38];
    for (int i = 0; i < 38; i++) {
        values[i] = (float)(i + 1);
    }
    double sums[2] = {1000, 0};
    channels_sum(values, (struct channels){1, 2, 19}, sums); /* two vectors, and three beyond */
    const double expected[] = {1190, 551};
    assert_memory_equal(sums, expected, sizeof(sums));
    channels_sum(values, (struct channels){2, 2, 3}, sums);
    const double again[] = {1190 + 6 + 24, 551 + 15 + 33};
    assert_memory_equal(sums, again, sizeof(sums));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels__are_those_of_a_dimension),
        cmocka_unit_test(test_channels__a_peak_is_the_largest_size),
        cmocka_unit_test(test_channels__a_peak_does_not_pass_over_nan),
        cmocka_unit_test(test_channels__each_is_multiplied_by_its_own_factor),
        cmocka_unit_test(test_channels__sums_are_added_to_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
