// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_retry.h"

#include "sync/sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

static int64_t wait_after_loss(struct sender_retry *retry, int64_t retry_after_ms) {
    sender_retry_lost(retry, retry_after_ms, 1000);
    return retry->attempt_ms - 1000;
}

static void test_retry__waits_differ_from_device_to_device(void **state) {
    (void)state;
    int64_t sum = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct sender_retry retry;
        sender_retry_init(&retry, seed);
        const int64_t wait_ms = wait_after_loss(&retry, 0);
        assert_in_range(wait_ms, SENDER_RETRY_MS_LEAST, 3 * SENDER_RETRY_MS_LEAST);
        sum += wait_ms;
    }
    assert_in_range(sum / 1000, 1900, 2100);
}

static void test_retry__is_the_same_again_for_one_seed(void **state) {
    (void)state;
    struct sender_retry a;
    struct sender_retry b;
    sender_retry_init(&a, 5);
    sender_retry_init(&b, 5);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(wait_after_loss(&a, 0), wait_after_loss(&b, 0));
    }
}

static void test_retry__takes_what_the_hub_says_as_it_stands(void **state) {
    (void)state;
    struct sender_retry retry;
    sender_retry_init(&retry, 1);
    sender_retry_spread(&retry, 50000);
    assert_int_equal(wait_after_loss(&retry, 77), 77);
    assert_int_equal(wait_after_loss(&retry, 600000), 600000);
    assert_int_equal(wait_after_loss(&retry, INT64_MAX / 2), 24 * 3600 * 1000);
}

static void test_retry__spreads_the_first_wait_alone(void **state) {
    (void)state;
    struct sender_retry retry;
    sender_retry_init(&retry, 1);
    sender_retry_spread(&retry, INT64_MAX);
    int64_t most = 0;
    for (int i = 0; i < 200; i++) {
        sender_retry_useful(&retry);
        const int64_t wait_ms = wait_after_loss(&retry, 0);
        assert_in_range(wait_ms, 0, 3600 * 1000);
        most = wait_ms > most ? wait_ms : most;
        assert_true(wait_after_loss(&retry, 0) <= 9 * SENDER_RETRY_MS_LEAST);
    }
    assert_true(most > 3000 * 1000);
    assert_int_equal(retry.losses, 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry__waits_differ_from_device_to_device),
        cmocka_unit_test(test_retry__is_the_same_again_for_one_seed),
        cmocka_unit_test(test_retry__takes_what_the_hub_says_as_it_stands),
        cmocka_unit_test(test_retry__spreads_the_first_wait_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
