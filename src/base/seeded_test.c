// SPDX-License-Identifier: Apache-2.0
#include "base/seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/* The first numbers of the generator's own page for the seed 1234567. */
static void test_seeded__is_splitmix64(void **state) {
    (void)state;
    struct seeded seeded = {.state = 1234567};
    assert_true(seeded_next(&seeded) == UINT64_C(6457827717110365317));
    assert_true(seeded_next(&seeded) == UINT64_C(3203168211198807973));
    assert_true(seeded_next(&seeded) == UINT64_C(9817491932198370423));
}

static void test_seeded_below__reaches_all_numbers_and_no_other(void **state) {
    (void)state;
    struct seeded seeded = {.state = 1};
    unsigned seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        const uint32_t number = seeded_below(&seeded, 7);
        assert_in_range(number, 0, 6);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(seeded_below(&seeded, 1), 0);
}

static void test_seeded_share__is_at_least_0_and_below_1(void **state) {
    (void)state;
    struct seeded seeded = {.state = 1};
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        const double share = seeded_share(&seeded);
        assert_true(share >= 0 && share < 1);
        sum += share;
    }
    assert_true(sum > 4850 && sum < 5150);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeded__is_splitmix64),
        cmocka_unit_test(test_seeded_below__reaches_all_numbers_and_no_other),
        cmocka_unit_test(test_seeded_share__is_at_least_0_and_below_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
