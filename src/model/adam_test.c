// SPDX-License-Identifier: Apache-2.0
#include "model/adam.h"

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

static void assert_near(float got, double wanted) {
    if (!(fabs((double)got - wanted) <= 1e-6)) {
        print_error("%.9g, wanted %.9g\n", (double)got, wanted);
        assert_true(0);
    }
}

/* Slopes 0.5, then -0.25, rate 0.1. After the second: mean 0.02, corrected 0.1052632; square
 * 0.00031225, corrected 0.1562031, its root 0.3952254; so a step of 0.0266337. */
static void test_adam__two_steps_by_hand(void **state) {
    (void)state;
    struct error err;
    struct adam adam;
    float weights[] = {1, 1};
    assert_int_equal(adam_init(&adam, 2, &err), STATUS_OK);
    adam_step(&adam, weights, (float[]){0.5F, 0}, 0.1);
    assert_near(weights[0], 0.9);
    adam_step(&adam, weights, (float[]){-0.25F, 0}, 0.1);
    assert_near(weights[0], 0.8733663);
    assert_true(weights[1] == 1);
    adam_done(&adam);
}

static void test_adam__a_first_step_is_as_long_as_the_rate(void **state) {
    (void)state;
    struct error err;
    struct adam adam;
    float weights[] = {0, 0, 0};
    assert_int_equal(adam_init(&adam, 3, &err), STATUS_OK);
    adam_step(&adam, weights, (float[]){1e-3F, -7, 1e6F}, 0.01);
    assert_near(weights[0], -0.01);
    assert_near(weights[1], 0.01);
    assert_near(weights[2], -0.01);
    adam_done(&adam);
}

/* Whole blocks and what is left of one; many steps: nothing depends on where a weight stands. */
static void test_adam__a_weight_moves_the_same_wherever_it_stands(void **state) {
    (void)state;
    enum { COUNT = 29 };
    struct error err;
    struct adam adam;
    float weights[COUNT] = {0};
    float slope[COUNT];
    uint64_t dice = 5;
    assert_int_equal(adam_init(&adam, COUNT, &err), STATUS_OK);
    for (int step = 0; step < 300; step++) {
        const float one = dice_signed(&dice);
        for (int i = 0; i < COUNT; i++) {
            slope[i] = one;
        }
        adam_step(&adam, weights, slope, 0.01);
    }
    for (int i = 1; i < COUNT; i++) {
        assert_memory_equal(&weights[i], &weights[0], sizeof(weights[0]));
    }
    assert_true(weights[0] != 0);
    adam_done(&adam);
}

static void test_adam__a_row_by_itself_moves_as_all_would(void **state) {
    (void)state;
    enum { ROWS = 5, WIDTH = 11 };
    struct error err;
    struct adam dense;
    struct adam sparse;
    float all[ROWS * WIDTH] = {0};
    float table[ROWS * WIDTH] = {0};
    float slope[ROWS * WIDTH];
    uint64_t dice = 6;
    assert_int_equal(adam_init(&dense, ROWS * WIDTH, &err), STATUS_OK);
    assert_int_equal(adam_init_rows(&sparse, ROWS, WIDTH, &err), STATUS_OK);
    for (int step = 0; step < 20; step++) {
        for (int i = 0; i < ROWS * WIDTH; i++) {
            slope[i] = dice_signed(&dice);
        }
        adam_step(&dense, all, slope, 0.02);
        for (size_t row = 0; row < ROWS; row++) {
            adam_step_row(&sparse, table, row, slope + row * WIDTH, 0.02);
        }
    }
    assert_memory_equal(all, table, sizeof(all));
    adam_done(&dense);
    adam_done(&sparse);
}

/* A rare row has its own count of steps: its first is no longer than another's was. */
static void test_adam__a_row_that_is_not_touched_stays(void **state) {
    (void)state;
    struct error err;
    struct adam adam;
    float table[] = {0, 0, 5, 5};
    assert_int_equal(adam_init_rows(&adam, 2, 2, &err), STATUS_OK);
    for (int i = 0; i < 1000; i++) {
        adam_step_row(&adam, table, 0, (float[]){1, -1}, 0.01);
    }
    assert_true(table[2] == 5 && table[3] == 5);
    adam_step_row(&adam, table, 1, (float[]){0.3F, -0.3F}, 0.01);
    assert_near(table[2], 4.99);
    assert_near(table[3], 5.01);
    adam_done(&adam);
}

static void test_adam__finds_the_bottom_of_a_bowl(void **state) {
    (void)state;
    enum { COUNT = 10, STEPS = 2000 };
    struct error err;
    struct adam adam;
    float weights[COUNT] = {0};
    float slope[COUNT];
    assert_int_equal(adam_init(&adam, COUNT, &err), STATUS_OK);
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < COUNT; i++) {
            slope[i] = (float)(i + 1) * (weights[i] - (float)i / 10);
        }
        adam_step(&adam, weights, slope, 0.02 * (1 - (double)step / STEPS));
    }
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabsf(weights[i] - (float)i / 10) < 1e-3F);
    }
    adam_done(&adam);
}

static void test_adam__no_memory_is_an_answer(void **state) {
    (void)state;
    for (long k = 0; k < 3; k++) {
        struct error err;
        struct adam adam;
        (void)memory_fail_at(k, 0);
        assert_int_equal(adam_init_rows(&adam, 4, 4, &err), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
        adam_done(&adam);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam__two_steps_by_hand),
        cmocka_unit_test(test_adam__a_first_step_is_as_long_as_the_rate),
        cmocka_unit_test(test_adam__a_weight_moves_the_same_wherever_it_stands),
        cmocka_unit_test(test_adam__a_row_by_itself_moves_as_all_would),
        cmocka_unit_test(test_adam__a_row_that_is_not_touched_stays),
        cmocka_unit_test(test_adam__finds_the_bottom_of_a_bowl),
        cmocka_unit_test(test_adam__no_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
