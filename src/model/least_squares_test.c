// SPDX-License-Identifier: Apache-2.0
#include "model/least_squares.h"

#include "base/memory.h"
#include "model/test_numbers.h"

#include <stdbool.h>
#include <string.h>

static void begin(struct least_squares *system, uint32_t columns, uint32_t rows) {
    struct error err = {0};
    assert_int_equal(least_squares_init(system, columns, rows, &err), STATUS_OK);
}

/* Through (0, 1), (1, 3), (2, 6): 2.5 x + 5/6, of which 1/6, -1/3 and 1/6 are missing. */
static void test_least_squares__finds_the_line_through_three_points(void **state) {
    (void)state;
    struct least_squares system;
    begin(&system, 2, 1);
    const float xs[][2] = {{0, 1}, {1, 1}, {2, 1}};
    const float ys[] = {1, 3, 6};
    for (size_t i = 0; i < 3; i++) {
        least_squares_add(&system, xs[i], &ys[i]);
    }
    double weights[] = {0, 0};
    struct error err = {0};
    expect_within(least_squares_missing(&system, weights), 46.0 / 3, 1e-12);
    assert_int_equal(least_squares_solve(&system, 0, weights, &err), STATUS_OK);
    expect_within(weights[0], 2.5, 1e-9);
    expect_within(weights[1], 5.0 / 6, 1e-9);
    expect_within(least_squares_missing(&system, weights), 1.0 / 18, 1e-12);
    /* More points may come: (4, 11) is on 2.5 x + 1. */
    const float more[] = {4, 1};
    const float y = 11;
    least_squares_add(&system, more, &y);
    assert_int_equal(least_squares_solve(&system, 0, weights, &err), STATUS_OK);
    /* Means 7/4 and 21/4; (x - 7/4) y sums to 22.25, (x - 7/4) x to 8.75. */
    expect_within(weights[0], 22.25 / 8.75, 1e-9);
    expect_within(weights[1], 5.25 - 1.75 * 22.25 / 8.75, 1e-9);
    least_squares_done(&system);
}

/* x = 1, 2 and y = 2, 4: w = 2; with a ridge of as much as x has itself, half way to what was. */
static void test_least_squares__the_ridge_holds_on_to_what_was(void **state) {
    (void)state;
    struct least_squares system;
    begin(&system, 1, 1);
    const float xs[] = {1, 2};
    const float ys[] = {2, 4};
    least_squares_add(&system, &xs[0], &ys[0]);
    least_squares_add(&system, &xs[1], &ys[1]);
    double weight = 5;
    struct error err = {0};
    assert_int_equal(least_squares_solve(&system, 1, &weight, &err), STATUS_OK);
    expect_within(weight, 3.5, 1e-12);
    weight = 5;
    assert_int_equal(least_squares_solve(&system, 1e12, &weight, &err), STATUS_OK);
    expect_within(weight, 5, 1e-9);
    least_squares_done(&system);
}

/* A layer is found again from its answers, whatever its size and that of the chunks. */
static void test_least_squares__finds_a_layer_by_its_answers(void **state) {
    (void)state;
    static const uint32_t SIZES[][3] = {
        {1, 1, 3}, {5, 3, 129}, {9, 17, LEAST_SQUARES_CHUNK}, {70, 8, 400}};
    for (size_t n = 0; n < sizeof(SIZES) / sizeof(SIZES[0]); n++) {
        const uint32_t columns = SIZES[n][0];
        const uint32_t rows = SIZES[n][1];
        struct least_squares system;
        begin(&system, columns, rows);
        float *x = memory_new(columns, sizeof(float));
        float *y = memory_new(rows, sizeof(float));
        double *weights = memory_new((size_t)columns * rows, sizeof(double));
        for (size_t k = 0; k < SIZES[n][2]; k++) {
            for (uint32_t j = 0; j < columns; j++) {
                x[j] = test_number(k * columns + j + 1);
            }
            for (uint32_t i = 0; i < rows; i++) {
                double sum = 0;
                for (uint32_t j = 0; j < columns; j++) {
                    sum += (double)x[j] * (double)test_number(i * columns + j + 7);
                }
                y[i] = (float)sum;
            }
            least_squares_add(&system, x, y);
        }
        struct error err = {0};
        assert_true(least_squares_missing(&system, weights) > 1e-3);
        assert_int_equal(least_squares_solve(&system, 0, weights, &err), STATUS_OK);
        for (size_t i = 0; i < (size_t)columns * rows; i++) {
            expect_within(weights[i], (double)test_number(i + 7), 1e-4);
        }
        assert_true(least_squares_missing(&system, weights) < 1e-9);
        memory_free(x);
        memory_free(y);
        memory_free(weights);
        least_squares_done(&system);
    }
}

static void test_least_squares__equal_inputs_share_a_weight(void **state) {
    (void)state;
    struct least_squares system;
    begin(&system, 2, 1);
    for (size_t k = 0; k < 10; k++) {
        const float x[] = {test_number(k + 1), test_number(k + 1)};
        const float y = 3 * x[0];
        least_squares_add(&system, x, &y);
    }
    double weights[] = {1, 0};
    struct error err = {0};
    assert_int_equal(least_squares_solve(&system, 0, weights, &err), STATUS_OK);
    /* From (1, 0) the nearest pair whose sum is 3. */
    expect_within(weights[0], 2, 1e-3);
    expect_within(weights[1], 1, 1e-3);
    least_squares_done(&system);
}

/* Two large inputs among a thousand that are nothing: the mean says little of them. */
static void test_least_squares__a_ridge_that_is_too_small_is_raised(void **state) {
    (void)state;
    enum { COLUMNS = 1000 };
    struct least_squares system;
    begin(&system, COLUMNS, 1);
    float *x = memory_new(COLUMNS, sizeof(float));
    double *weights = memory_new(COLUMNS, sizeof(double));
    x[0] = 1;
    x[999] = 1;
    const float y = 4;
    struct error err = {0};
    least_squares_add(&system, x, &y);
    assert_int_equal(least_squares_solve(&system, 0, weights, &err), STATUS_OK);
    expect_within(weights[0], 2, 1e-3);
    expect_within(weights[999], 2, 1e-3);
    expect_within(weights[1], 0, 1e-9);
    memory_free(x);
    memory_free(weights);
    least_squares_done(&system);
}

static void test_least_squares__what_is_no_number_is_passed_over(void **state) {
    (void)state;
    struct least_squares system;
    begin(&system, 1, 2);
    const float good[] = {2, 1};
    const float bad[] = {NAN, INFINITY};
    const float one = 1;
    least_squares_add(&system, &one, good);
    least_squares_add(&system, &bad[0], good);
    least_squares_add(&system, &one, bad);
    least_squares_add(&system, &bad[1], good);
    assert_int_equal(system.count, 1);
    assert_int_equal(system.passed_over, 3);
    double weights[] = {0, 0};
    struct error err = {0};
    assert_int_equal(least_squares_solve(&system, 0, weights, &err), STATUS_OK);
    expect_within(weights[0], 2, 1e-9);
    expect_within(weights[1], 1, 1e-9);
    least_squares_done(&system);
}

static void test_least_squares__without_examples_nothing_changes(void **state) {
    (void)state;
    struct least_squares system;
    begin(&system, 2, 1);
    double weights[] = {7, 8};
    struct error err = {0};
    assert_int_equal(least_squares_solve(&system, 1, weights, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "say nothing"));
    expect_within(weights[0], 7, 0);
    expect_within(least_squares_missing(&system, weights), 0, 0);
    least_squares_done(&system);
    assert_int_equal(least_squares_init(&system, LEAST_SQUARES_COLUMNS_MAX + 1, 1, &err),
                     STATUS_INVALID);
    assert_int_equal(least_squares_init(&system, 1, LEAST_SQUARES_ROWS_MAX + 1, &err),
                     STATUS_INVALID);
    least_squares_done(&system);
}

static void test_least_squares__says_when_memory_is_short(void **state) {
    (void)state;
    for (long index = 0; index < 8; index++) {
        struct least_squares system;
        struct error err = {0};
        const float numbers[] = {1, 2};
        double weights[] = {0, 0};
        (void)memory_fail_at(index, 0);
        status code = least_squares_init(&system, 1, 2, &err);
        if (code == STATUS_OK) {
            least_squares_add(&system, numbers, numbers);
            code = least_squares_solve(&system, 0, weights, &err);
        }
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, STATUS_NO_MEMORY);
        least_squares_done(&system);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_squares__finds_the_line_through_three_points),
        cmocka_unit_test(test_least_squares__the_ridge_holds_on_to_what_was),
        cmocka_unit_test(test_least_squares__finds_a_layer_by_its_answers),
        cmocka_unit_test(test_least_squares__equal_inputs_share_a_weight),
        cmocka_unit_test(test_least_squares__a_ridge_that_is_too_small_is_raised),
        cmocka_unit_test(test_least_squares__what_is_no_number_is_passed_over),
        cmocka_unit_test(test_least_squares__without_examples_nothing_changes),
        cmocka_unit_test(test_least_squares__says_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
