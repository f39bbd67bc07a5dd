// SPDX-License-Identifier: Apache-2.0
#include "model/elimination.h"

#include "base/memory.h"
#include "model/least_squares.h"
#include "model/test_numbers.h"

#include <string.h>

/* X X' = (2 1; 1 2), whose inverse is (2 -1; -1 2) / 3; y is x0 + x1. Without x0, x1 stands for
 * half of it and 3/2 of the squares are missing. */
static void test_elimination__of_two_inputs_one_stands_for_both(void **state) {
    (void)state;
    struct elimination layer;
    struct error err = {0};
    const uint32_t none[] = {0};
    assert_int_equal(elimination_init(&layer, 2, 1, 2, &err), STATUS_OK);
    const double inverse[] = {2.0 / 3, -1.0 / 3, -1.0 / 3, 2.0 / 3};
    (void)memcpy(layer.inverse, inverse, sizeof(inverse));
    layer.weights[0] = 1;
    layer.weights[1] = 1;
    expect_within(elimination_cost(&layer, none, 1), 1.5, 1e-12);
    expect_within(elimination_cost(&layer, none, 0), 0, 0);
    /* Without both all is missing: 2 + 2 + 2 * 1. */
    expect_within(elimination_cost(&layer, (const uint32_t[]){0, 1}, 2), 6, 1e-12);
    expect_within(elimination_cost(&layer, (const uint32_t[]){1, 0}, 2), 6, 1e-12);
    elimination_drop(&layer, none, 1);
    expect_within(layer.weights[0], 0, 1e-12);
    expect_within(layer.weights[1], 1.5, 1e-12);
    expect_within(layer.inverse[3], 0.5, 1e-12); /* of 2, which is left of X X' */
    /* What has gone costs nothing, and the rest all that is left: 1.5 * 1.5 * 2. */
    expect_within(elimination_cost(&layer, none, 1), 0, 0);
    expect_within(elimination_cost(&layer, (const uint32_t[]){1}, 1), 4.5, 1e-12);
    elimination_drop(&layer, none, 1);
    expect_within(layer.weights[1], 1.5, 1e-12);
    elimination_done(&layer);
}

/* Blocks of a larger layer: the costs add up to what least squares without those inputs miss, and
 * the weights are the same. */
static void test_elimination__agrees_with_least_squares_of_what_is_left(void **state) {
    (void)state;
    enum { COLUMNS = 20, ROWS = 3, LEFT = 13, EXAMPLES = 200 };
    struct least_squares all;
    struct least_squares left;
    struct elimination layer;
    struct error err = {0};
    assert_int_equal(least_squares_init(&all, COLUMNS, ROWS, &err), STATUS_OK);
    assert_int_equal(least_squares_init(&left, LEFT, ROWS, &err), STATUS_OK);
    assert_int_equal(elimination_init(&layer, COLUMNS, ROWS, 4, &err), STATUS_OK);
    for (size_t k = 0; k < EXAMPLES; k++) {
        float x[COLUMNS];
        float y[ROWS];
        for (size_t j = 0; j < COLUMNS; j++) { /* neighbours go together */
            x[j] = test_number(k * COLUMNS + j) + test_number(k * COLUMNS + j + 1);
        }
        for (size_t i = 0; i < ROWS; i++) {
            y[i] = 0;
            for (size_t j = 0; j < COLUMNS; j++) {
                y[i] += x[j] * test_number(i * COLUMNS + j + 7);
            }
        }
        least_squares_add(&all, x, y);
        least_squares_add(&left, x + COLUMNS - LEFT, y);
    }
    assert_int_equal(least_squares_solve(&all, 0, layer.weights, &err), STATUS_OK);
    assert_int_equal(least_squares_invert(&all, 0, layer.inverse, &err), STATUS_OK);
    const uint32_t first[] = {3, 0, 5, 1};
    const uint32_t second[] = {2, 4, 6};
    double cost = elimination_cost(&layer, first, 4);
    elimination_drop(&layer, first, 4);
    cost += elimination_cost(&layer, second, 3);
    elimination_drop(&layer, second, 3);
    double weights[ROWS * LEFT] = {0};
    assert_int_equal(least_squares_solve(&left, 0, weights, &err), STATUS_OK);
    expect_within(cost / (least_squares_missing(&left, weights) * EXAMPLES), 1, 1e-4);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            const double wanted = j < COLUMNS - LEFT ? 0 : weights[i * LEFT + j - (COLUMNS - LEFT)];
            expect_within(layer.weights[i * COLUMNS + j], wanted, 1e-4);
        }
    }
    least_squares_done(&all);
    least_squares_done(&left);
    elimination_done(&layer);
}

static void test_elimination__says_when_memory_is_short(void **state) {
    (void)state;
    for (long index = 0; index < 4; index++) {
        struct elimination layer;
        struct error err = {0};
        (void)memory_fail_at(index, 0);
        const status code = elimination_init(&layer, 2, 1, 1, &err);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, STATUS_NO_MEMORY);
        elimination_done(&layer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elimination__of_two_inputs_one_stands_for_both),
        cmocka_unit_test(test_elimination__agrees_with_least_squares_of_what_is_left),
        cmocka_unit_test(test_elimination__says_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
