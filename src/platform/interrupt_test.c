// SPDX-License-Identifier: Apache-2.0
#include "platform/interrupt.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int NUMBERS[] = {SIGINT, SIGTERM, SIGHUP};

/* Whoever runs the tests may have signals ignored, as nohup has. */
static int heed_all(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        assert_true(signal(NUMBERS[i], SIG_DFL) != SIG_ERR);
    }
    return 0;
}

static void test_interrupt__the_first_of_each_kind_is_noted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        struct sigaction after;
        interrupt_watch();
        assert_false(interrupt_came());
        assert_int_equal(raise(NUMBERS[i]), 0);
        assert_true(interrupt_came());
        assert_int_equal(sigaction(NUMBERS[i], NULL, &after), 0);
        assert_true(after.sa_handler == SIG_DFL); /* the second ends the process */
        interrupt_unwatch();
    }
}

static void test_interrupt__what_is_ignored_stays_ignored(void **state) {
    (void)state;
    assert_true(signal(SIGHUP, SIG_IGN) == SIG_DFL);
    interrupt_watch();
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_false(interrupt_came());
    interrupt_unwatch();
    assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interrupt__the_first_of_each_kind_is_noted),
        cmocka_unit_test(test_interrupt__what_is_ignored_stays_ignored),
    };
    return cmocka_run_group_tests_name("interrupt", tests, heed_all, NULL);
}
