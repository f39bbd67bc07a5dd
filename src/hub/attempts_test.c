// SPDX-License-Identifier: Apache-2.0
#include "hub/attempts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int set_up(void **state) {
    struct error err = {0};
    struct attempts *attempts = NULL;
    const status code = attempts_create(&attempts, &err);
    *state = attempts;
    return code == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    attempts_destroy(*state);
    return 0;
}

static void test_attempts__ten_in_five_minutes_then_the_source_waits(void **state) {
    struct attempts *attempts = *state;
    const struct slice source = SLICE("203.0.113.7");
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        assert_int_equal(attempts_wait_ms(attempts, source, 1000 * i), 0);
        assert_int_equal(attempts_count(attempts, source, 1000 * i), i == ATTEMPTS_MAX - 1);
    }
    assert_int_equal(attempts_wait_ms(attempts, source, 10000), ATTEMPTS_SPAN_MS - 10000);
    assert_int_equal(attempts_wait_ms(attempts, source, ATTEMPTS_SPAN_MS - 1), 1);
    assert_int_equal(attempts_wait_ms(attempts, source, ATTEMPTS_SPAN_MS), 0);
    /* One place is free, not ten. */
    assert_true(attempts_count(attempts, source, ATTEMPTS_SPAN_MS));
    assert_int_equal(attempts_wait_ms(attempts, source, ATTEMPTS_SPAN_MS), 1000);
}

static void test_attempts__of_others_do_not_count(void **state) {
    struct attempts *attempts = *state;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        (void)attempts_count(attempts, SLICE("203.0.113.7"), 0);
    }
    assert_true(attempts_wait_ms(attempts, SLICE("203.0.113.7"), 0) > 0);
    assert_int_equal(attempts_wait_ms(attempts, SLICE("203.0.113.8"), 0), 0);
    assert_int_equal(attempts_wait_ms(attempts, SLICE(""), 0), 0);
}

static void test_attempts__an_ipv6_source_is_its_network(void **state) {
    struct attempts *attempts = *state;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        char source[40];
        (void)snprintf(source, sizeof(source), "2001:db8:1:2::%d", i + 1);
        (void)attempts_count(attempts, slice_of(source), 0);
        (void)snprintf(source, sizeof(source), "::ffff:203.0.113.%d", i + 1);
        (void)attempts_count(attempts, slice_of(source), 0);
    }
    assert_true(attempts_wait_ms(attempts, SLICE("2001:db8:1:2:ffff::1"), 0) > 0);
    assert_int_equal(attempts_wait_ms(attempts, SLICE("2001:db8:1:3::1"), 0), 0);
    /* An IPv4 address in IPv6's clothes is one machine. */
    assert_int_equal(attempts_wait_ms(attempts, SLICE("::ffff:203.0.113.1"), 0), 0);
}

static void test_attempts__the_quietest_source_is_forgotten_first(void **state) {
    struct attempts *attempts = *state;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        (void)attempts_count(attempts, SLICE("203.0.113.7"), 1000);
    }
    (void)attempts_count(attempts, SLICE("203.0.113.8"), 0);
    for (int i = 0; i < ATTEMPTS_SOURCES_MAX - 1; i++) {
        char source[40];
        (void)snprintf(source, sizeof(source), "10.0.%d.%d", i / 250, i % 250);
        (void)attempts_count(attempts, slice_of(source), 2000);
    }
    assert_true(attempts_wait_ms(attempts, SLICE("203.0.113.7"), 2000) > 0);
    (void)attempts_count(attempts, SLICE("10.1.0.1"), 3000);
    assert_int_equal(attempts_wait_ms(attempts, SLICE("203.0.113.7"), 3000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_attempts__ten_in_five_minutes_then_the_source_waits,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attempts__of_others_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attempts__an_ipv6_source_is_its_network, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_attempts__the_quietest_source_is_forgotten_first,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
