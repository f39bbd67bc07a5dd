// SPDX-License-Identifier: Apache-2.0
#include "platform/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_random_id__never_repeats(void **state) {
    (void)state;
    enum { MANY = 200 };
    struct id ids[MANY];
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = random_id();
        assert_false(id_is_zero(ids[i]));
        for (size_t k = 0; k < i; k++) {
            assert_false(id_equal(ids[i], ids[k]));
        }
    }
}

static void test_random_below__reaches_every_number_and_none_beyond(void **state) {
    (void)state;
    int seen[7] = {0};
    for (int i = 0; i < 2000; i++) {
        const uint32_t number = random_below(7);
        assert_true(number < 7);
        seen[number]++;
    }
    for (size_t i = 0; i < 7; i++) {
        assert_true(seen[i] > 0);
    }
    assert_int_equal(random_below(1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_id__never_repeats),
        cmocka_unit_test(test_random_below__reaches_every_number_and_none_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
