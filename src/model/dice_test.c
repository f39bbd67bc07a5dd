// SPDX-License-Identifier: Apache-2.0
#include "model/dice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_dice__a_seed_gives_the_numbers_that_splitmix64_has(void **state) {
    (void)state;
    uint64_t dice = 0;
    assert_true(dice_next(&dice) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(dice_next(&dice) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(dice_next(&dice) == UINT64_C(0x06c45d188009454f));
}

static void test_dice__numbers_are_even_and_below(void **state) {
    (void)state;
    uint64_t dice = 7;
    unsigned seen[5] = {0};
    double sum = 0;
    for (int i = 0; i < 5000; i++) {
        seen[dice_below(&dice, 5)]++;
        const float number = dice_signed(&dice);
        assert_true(number >= -1 && number < 1);
        sum += (double)number;
    }
    for (int i = 0; i < 5; i++) {
        assert_in_range(seen[i], 900, 1100);
    }
    assert_true(fabs(sum / 5000) < 0.03);
    assert_int_equal(dice_below(&dice, 1), 0);
}

static void test_dice__shuffling_keeps_every_number(void **state) {
    (void)state;
    uint32_t numbers[100];
    uint32_t again[100];
    uint64_t dice = 3;
    uint64_t same = 3;
    for (uint32_t i = 0; i < 100; i++) {
        numbers[i] = again[i] = i;
    }
    dice_shuffle(&dice, numbers, 100);
    dice_shuffle(&same, again, 100);
    assert_memory_equal(numbers, again, sizeof(numbers));
    unsigned seen[100] = {0};
    unsigned stayed = 0;
    for (uint32_t i = 0; i < 100; i++) {
        seen[numbers[i]]++;
        stayed += numbers[i] == i;
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_true(stayed < 10);
    dice_shuffle(&dice, numbers, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dice__a_seed_gives_the_numbers_that_splitmix64_has),
        cmocka_unit_test(test_dice__numbers_are_even_and_below),
        cmocka_unit_test(test_dice__shuffling_keeps_every_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
