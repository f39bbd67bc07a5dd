// SPDX-License-Identifier: Apache-2.0
#include "wire/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_lane__every_name_reads_back(void **state) {
    (void)state;
    for (int i = 0; i < LANE_COUNT; i++) {
        assert_int_equal(lane_from_name(slice_of(lane_name((enum lane)i))), i);
    }
    assert_int_equal(lane_from_name(SLICE("fast")), LANE_COUNT);
    assert_int_equal(lane_from_name(SLICE("")), LANE_COUNT);
    assert_string_equal(lane_name(LANE_COUNT), "unknown");
}

static void test_lane__a_priority_names_its_lane(void **state) {
    (void)state;
    static const enum lane LANES[] = {LANE_LOW,    LANE_NORMAL, LANE_NORMAL, LANE_NORMAL,
                                      LANE_HIGH,   LANE_HIGH,   LANE_HIGH,   LANE_URGENT,
                                      LANE_URGENT, LANE_URGENT};
    for (int i = 0; i <= PRIORITY_MAX; i++) {
        assert_int_equal(lane_of_priority(i), LANES[i]);
    }
    assert_int_equal(lane_of_priority(-1), LANE_LOW);
    assert_int_equal(lane_of_priority(99), LANE_URGENT);
}

static void expect(const char *text, int priority, bool clamped) {
    int got = -1;
    bool got_clamped = !clamped;
    assert_true(priority_read(slice_of(text), &got, &got_clamped));
    assert_int_equal(got, priority);
    assert_int_equal(got_clamped, clamped);
}

static void test_lane__words_and_numbers_are_priorities(void **state) {
    (void)state;
    expect("urgent", 7, false);
    expect("high", 4, false);
    expect("normal", 1, false);
    expect("low", 0, false);
    expect("0", 0, false);
    expect("9", 9, false);
    expect("10", 9, true);
    expect("99999999999999999999", 9, true);
    expect("-3", 0, true);
}

static void test_lane__anything_else_is_no_priority(void **state) {
    (void)state;
    static const char *const WRONG[] = {"", "-", "Urgent", "1.5", "7 ", "telemetry", "+1"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        int priority = 42;
        bool clamped = true;
        assert_false(priority_read(slice_of(WRONG[i]), &priority, &clamped));
        assert_int_equal(priority, 42);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lane__every_name_reads_back),
        cmocka_unit_test(test_lane__a_priority_names_its_lane),
        cmocka_unit_test(test_lane__words_and_numbers_are_priorities),
        cmocka_unit_test(test_lane__anything_else_is_no_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
