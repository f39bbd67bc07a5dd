// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/restart_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t MS = 1000 * 1000;
static const int64_t SECOND = INT64_C(1000) * 1000 * 1000;

static void test_restart_policy__the_wait_doubles_up_to_half_a_minute(void **state) {
    (void)state;
    static const int64_t expected_ms[] = {100,  200,   400,   800,   1600, 3200,
                                          6400, 12800, 25600, 30000, 30000};
    struct restart_policy policy = {0};
    int64_t now = 7 * SECOND;
    for (size_t i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++) {
        assert_int_equal(restart_policy_ended(&policy, now), now + expected_ms[i] * MS);
        now += 31 * SECOND; /* never five within a minute */
    }
    assert_false(policy.broken);
}

static void test_restart_policy__an_answer_begins_the_wait_anew(void **state) {
    (void)state;
    struct restart_policy policy = {0};
    assert_int_equal(restart_policy_ended(&policy, 0), 100 * MS);
    assert_int_equal(restart_policy_ended(&policy, 20 * SECOND), 20 * SECOND + 200 * MS);
    restart_policy_answered(&policy);
    assert_int_equal(restart_policy_ended(&policy, 40 * SECOND), 40 * SECOND + 100 * MS);
}

static void test_restart_policy__the_fifth_ending_within_a_minute_breaks_it(void **state) {
    (void)state;
    struct restart_policy policy = {0};
    for (int i = 0; i < 4; i++) {
        assert_true(restart_policy_ended(&policy, i * 14 * SECOND) != INT64_MAX);
        restart_policy_answered(&policy); /* answers in between do not help */
    }
    assert_false(policy.broken);
    assert_true(restart_policy_ended(&policy, 60 * SECOND - 1) == INT64_MAX);
    assert_true(policy.broken);
    assert_true(restart_policy_ended(&policy, 999 * SECOND) == INT64_MAX);
}

static void test_restart_policy__five_endings_in_more_than_a_minute_do_not(void **state) {
    (void)state;
    struct restart_policy policy = {0};
    for (int i = 0; i < 40; i++) {
        assert_true(restart_policy_ended(&policy, i * 15 * SECOND) != INT64_MAX);
    }
    assert_false(policy.broken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart_policy__the_wait_doubles_up_to_half_a_minute),
        cmocka_unit_test(test_restart_policy__an_answer_begins_the_wait_anew),
        cmocka_unit_test(test_restart_policy__the_fifth_ending_within_a_minute_breaks_it),
        cmocka_unit_test(test_restart_policy__five_endings_in_more_than_a_minute_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
