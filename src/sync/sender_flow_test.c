// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sender_flow flow;

static void begin(void) {
    sender_flow_begin(&flow);
    sender_flow_grant(&flow, (struct grant){.bytes = 8 << 20}, 0);
}

static int set_up(void **state) {
    (void)state;
    sender_flow_init(&flow);
    begin();
    return 0;
}

/* Sends bodies as large as they may be over a link; the size of the last. */
static int64_t send_over(int64_t bytes_per_s, int64_t round_trip_ms, int bodies) {
    int64_t bytes = 0;
    for (int i = 0; i < bodies; i++) {
        bytes = sender_flow_allowance(&flow, 0);
        sender_flow_round_trip(&flow, round_trip_ms);
        sender_flow_measure(&flow, bytes, bytes * 1000 / bytes_per_s + round_trip_ms, true);
    }
    return bytes;
}

static void test_flow__finds_the_bytes_of_a_second(void **state) {
    (void)state;
    assert_int_equal(sender_flow_allowance(&flow, 0), FLOW_BODY_BYTES_FIRST);
    assert_in_range(send_over(100000, 50, 20), 90000, 110000);
    begin(); /* another link */
    assert_in_range(send_over(6250, 2000, 20), 5000, 9000);
    assert_in_range(flow.bytes_per_s, 5000, 9000);
    begin();
    assert_int_equal(send_over(50000000, 1, 20), FLOW_BODY_BYTES_MOST);
    assert_int_equal(send_over(500, 100, 20), FLOW_BODY_BYTES_LEAST);
}

static void test_flow__at_most_doubles_a_body(void **state) {
    (void)state;
    int64_t last = sender_flow_allowance(&flow, 0);
    for (int i = 0; i < 10; i++) {
        sender_flow_measure(&flow, last, 1, true);
        assert_true(sender_flow_allowance(&flow, 0) <= 2 * last);
        last = sender_flow_allowance(&flow, 0);
    }
}

static void test_flow__learns_nothing_from_a_small_body(void **state) {
    (void)state;
    sender_flow_measure(&flow, 200, 900, false);
    assert_int_equal(sender_flow_allowance(&flow, 0), FLOW_BODY_BYTES_FIRST);
    assert_int_equal(flow.bytes_per_s, 0);
    sender_flow_measure(&flow, 200, 900, true); /* which the hub's grant made so small */
    assert_int_equal(sender_flow_allowance(&flow, 0), FLOW_BODY_BYTES_FIRST);
}

static void test_flow__keeps_within_the_grant_and_waits_for_it(void **state) {
    (void)state;
    sender_flow_grant(&flow, (struct grant){.bytes = 5000, .after_ms = 300}, 1000);
    assert_int_equal(sender_flow_begin_ms(&flow), 1300);
    assert_int_equal(sender_flow_allowance(&flow, 1299), 0);
    assert_int_equal(sender_flow_allowance(&flow, 1300), 5000);
    sender_flow_grant(&flow, (struct grant){.bytes = -5, .after_ms = INT64_MAX}, 1000);
    assert_int_equal(sender_flow_allowance(&flow, 0), 0);
    assert_int_equal(sender_flow_begin_ms(&flow), 1000 + 24 * 3600 * 1000);
    sender_flow_begin(&flow); /* nothing is granted on a new connection */
    assert_int_equal(sender_flow_begin_ms(&flow), 0);
    assert_int_equal(sender_flow_allowance(&flow, 0), 0);
}

static void test_flow__believes_what_a_hub_takes_at_most(void **state) {
    (void)state;
    sender_flow_refuse(&flow, 16000, 10000);
    assert_int_equal(sender_flow_allowance(&flow, 0), 10000);
    sender_flow_refuse(&flow, 10000, 0);
    assert_int_equal(sender_flow_allowance(&flow, 0), 5000);
    sender_flow_refuse(&flow, 5000, 90000); /* and yet it refused */
    assert_int_equal(sender_flow_allowance(&flow, 0), 2500);
}

static void test_flow__waits_for_a_hub_that_is_full(void **state) {
    (void)state;
    sender_flow_full(&flow, 0, 1000);
    assert_int_equal(sender_flow_begin_ms(&flow), 61000);
    sender_flow_full(&flow, 5000, 1000);
    assert_int_equal(sender_flow_begin_ms(&flow), 6000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(test_flow__##name, set_up)
        TEST(finds_the_bytes_of_a_second),       TEST(at_most_doubles_a_body),
        TEST(learns_nothing_from_a_small_body),  TEST(keeps_within_the_grant_and_waits_for_it),
        TEST(believes_what_a_hub_takes_at_most), TEST(waits_for_a_hub_that_is_full),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
