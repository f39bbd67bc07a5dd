// SPDX-License-Identifier: Apache-2.0
#include "wire/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char UTC[] = "UTC0";
static const char BERLIN[] = "CET-1CEST,M3.5.0,M10.5.0/3";
static const char YORK[] = "EST5EDT,M3.2.0,M11.1.0";
static const char HOWE[] = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 8 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

/* The moments behind `after` are these, as a clock on the wall shows them; ended by NULL. */
static void assert_moments(const char *text, const char *rule, const char *after,
                           const char *const *expected) {
    struct schedule schedule;
    const struct zone *zone = NULL;
    struct error err = {0};
    int64_t at;
    assert_int_equal(schedule_read(slice_of(text), &schedule, &err), STATUS_OK);
    assert_int_equal(zone_read_rule(&arena, slice_of(rule), &zone, &err), STATUS_OK);
    assert_true(time_read(slice_of(after), &at));
    for (int i = 0; expected[i] != NULL; i++) {
        char local[TIME_TEXT_BYTES];
        assert_true(schedule_next(&schedule, zone, at, &at));
        zone_write_local(zone, at, local);
        assert_string_equal(local, expected[i]);
    }
}

#define MOMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(const char *text, const char *part) {
    struct schedule schedule = {0};
    struct error err = {0};
    assert_int_equal(schedule_read(slice_of(text), &schedule, &err), STATUS_INVALID);
    if (strstr(err.text, part) == NULL) {
        print_message("%s: %s\n", text, err.text);
    }
    assert_non_null(strstr(err.text, part));
    assert_true(schedule.minutes == 0);
}

static void test_schedule__takes_numbers_names_lists_ranges_and_steps(void **state) {
    (void)state;
    assert_moments("*/20 6-7 * * *", UTC, "2026-11-23T06:39:59.999Z",
                   MOMENTS("2026-11-23T06:40:00+00:00", "2026-11-23T07:00:00+00:00",
                           "2026-11-23T07:20:00+00:00", "2026-11-23T07:40:00+00:00",
                           "2026-11-24T06:00:00+00:00"));
    assert_moments("5,10-12/2 0 * JAN,mar *", UTC, "2026-11-23T00:00:00Z",
                   MOMENTS("2027-01-01T00:05:00+00:00", "2027-01-01T00:10:00+00:00",
                           "2027-01-01T00:12:00+00:00", "2027-01-02T00:05:00+00:00"));
    assert_moments("0 9 * * mon-fri", UTC, "2026-11-26T09:00:00Z",
                   MOMENTS("2026-11-27T09:00:00+00:00", "2026-11-30T09:00:00+00:00"));
    assert_moments("0 9 * * fri-sun", UTC, "2026-11-26T09:00:00Z",
                   MOMENTS("2026-11-27T09:00:00+00:00", "2026-11-28T09:00:00+00:00",
                           "2026-11-29T09:00:00+00:00", "2026-12-04T09:00:00+00:00"));
    assert_moments("  0  9\t* * 7 ", UTC, "2026-11-26T09:00:00Z",
                   MOMENTS("2026-11-29T09:00:00+00:00", "2026-12-06T09:00:00+00:00"));
}

static void test_schedule__knows_words_for_what_is_common(void **state) {
    (void)state;
    assert_moments("@hourly", UTC, "2026-12-31T22:30:00Z",
                   MOMENTS("2026-12-31T23:00:00+00:00", "2027-01-01T00:00:00+00:00"));
    assert_moments("@weekly", UTC, "2026-11-23T00:00:00Z", MOMENTS("2026-11-29T00:00:00+00:00"));
    assert_moments("@monthly", UTC, "2026-11-23T00:00:00Z", MOMENTS("2026-12-01T00:00:00+00:00"));
    assert_moments("@yearly", UTC, "2026-11-23T00:00:00Z", MOMENTS("2027-01-01T00:00:00+00:00"));
}

static void test_schedule__is_never_the_moment_it_is_asked_at(void **state) {
    (void)state;
    assert_moments("* * * * *", UTC, "2026-11-23T00:00:00Z", MOMENTS("2026-11-23T00:01:00+00:00"));
    assert_moments("* * * * *", UTC, "2026-11-23T00:00:59.999Z",
                   MOMENTS("2026-11-23T00:01:00+00:00"));
    assert_moments("* * * * *", UTC, "1969-12-31T23:58:30.5Z",
                   MOMENTS("1969-12-31T23:59:00+00:00", "1970-01-01T00:00:00+00:00"));
}

static void test_schedule__takes_either_day_when_both_are_said(void **state) {
    (void)state;
    assert_moments("0 0 13 * fri", UTC, "2026-11-12T00:00:00Z",
                   MOMENTS("2026-11-13T00:00:00+00:00", "2026-11-20T00:00:00+00:00",
                           "2026-11-27T00:00:00+00:00", "2026-12-04T00:00:00+00:00",
                           "2026-12-11T00:00:00+00:00", "2026-12-13T00:00:00+00:00"));
    assert_moments("0 0 */10 * fri", UTC, "2026-11-12T00:00:00Z", /* begins with a star: both */
                   MOMENTS("2026-12-11T00:00:00+00:00"));
}

static void test_schedule__finds_leap_days(void **state) {
    (void)state;
    assert_moments("0 12 29 2 *", UTC, "2026-11-23T00:00:00Z",
                   MOMENTS("2028-02-29T12:00:00+00:00", "2032-02-29T12:00:00+00:00"));
    assert_moments("0 12 29 2 *", UTC, "2096-03-01T00:00:00Z",
                   MOMENTS("2104-02-29T12:00:00+00:00"));
    assert_moments("0 12 31 * *", UTC, "2026-11-23T00:00:00Z",
                   MOMENTS("2026-12-31T12:00:00+00:00", "2027-01-31T12:00:00+00:00",
                           "2027-03-31T12:00:00+00:00"));
}

static void test_schedule__comes_once_where_its_hour_is_left_out(void **state) {
    (void)state;
    assert_moments("30 2 * * *", BERLIN, "2026-03-28T00:00:00Z",
                   MOMENTS("2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                           "2026-03-30T02:30:00+02:00"));
    assert_moments("*/15 2,3 * * *", BERLIN, "2026-03-29T00:50:00Z",
                   MOMENTS("2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00"));
    assert_moments("30 2 * * *", BERLIN, "2026-03-29T00:59:59Z", /* asked just before */
                   MOMENTS("2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"));
    assert_moments("30 2 * * *", BERLIN, "2026-03-29T01:00:00Z",
                   MOMENTS("2026-03-30T02:30:00+02:00"));
    assert_moments("0 2 * * *", YORK, "2026-03-07T12:00:00Z",
                   MOMENTS("2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"));
    assert_moments("15 2 * * *", HOWE, "2026-10-03T00:00:00Z", /* half an hour is left out */
                   MOMENTS("2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"));
    assert_moments("45 2 * * *", HOWE, "2026-10-03T00:00:00Z",
                   MOMENTS("2026-10-04T02:45:00+11:00"));
    assert_moments("30 2 * * sat", BERLIN, "2026-03-29T00:00:00Z", /* not that day */
                   MOMENTS("2026-04-04T02:30:00+02:00"));
}

static void test_schedule__comes_once_where_its_hour_is_shown_twice(void **state) {
    (void)state;
    assert_moments("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z",
                   MOMENTS("2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"));
    assert_moments("0 2,3 * * *", BERLIN, "2026-10-24T12:00:00Z",
                   MOMENTS("2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"));
    assert_moments("30 1 * * *", YORK, "2026-10-31T12:00:00Z",
                   MOMENTS("2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"));
    assert_moments("45 1 * * *", HOWE, "2026-04-04T00:00:00Z",
                   MOMENTS("2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"));
    assert_moments("30 2 * * *", BERLIN, "2026-10-25T01:10:00Z", /* asked in the second showing */
                   MOMENTS("2026-10-26T02:30:00+01:00"));
}

static void test_schedule__of_every_hour_goes_by_hours_as_they_pass(void **state) {
    (void)state;
    assert_moments("30 * * * *", BERLIN, "2026-03-29T00:00:00Z",
                   MOMENTS("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"));
    assert_moments("30 * * * *", BERLIN, "2026-10-24T23:45:00Z",
                   MOMENTS("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00",
                           "2026-10-25T03:30:00+01:00"));
    assert_moments("*/20 * * * *", HOWE, "2026-04-04T14:30:00Z",
                   MOMENTS("2026-04-05T01:40:00+11:00", "2026-04-05T01:40:00+10:30",
                           "2026-04-05T02:00:00+10:30"));
    assert_moments("0 */2 * * *", BERLIN, "2026-03-28T23:00:00Z",
                   MOMENTS("2026-03-29T04:00:00+02:00"));
}

static void test_schedule__that_is_wrong_says_what_would_be_right(void **state) {
    (void)state;
    assert_refused("", "5 fields, this one 0");
    assert_refused("0 6 * *", "5 fields, this one 4");
    assert_refused("0 0 6 * * *", "for seconds there is `interval`");
    assert_refused("60 6 * * *", "the minute `60`: it is `*` or one of 0-59");
    assert_refused("0 24 * * *", "the hour `24`");
    assert_refused("0 6 0 * *", "the day of the month `0`");
    assert_refused("0 6 * 13 *", "1-12 or jan-dec");
    assert_refused("0 6 * * monday", "0-7 or sun-sat");
    assert_refused("0 6 * * 8", "the day of the week `8`");
    assert_refused("0 6 * jan-foo *", "the month `jan-foo`");
    assert_refused("5-1 6 * * *", "runs backwards");
    assert_refused("*/0 6 * * *", "a step is a number from 1 to 59");
    assert_refused("*/x 6 * * *", "a step is a number from 1 to 59");
    assert_refused("5/10 6 * * *", "such as `5-59/10`");
    assert_refused("1,,2 6 * * *", "the minute ``");
    assert_refused("-1 6 * * *", "the minute `-1`");
    assert_refused("99999999999999 6 * * *", "the minute");
    assert_refused("@often", "@hourly, @daily");
    assert_refused("0 0 30 2 *", "it would never come");
    assert_refused("0 0 31 2,4,6,9,11 *", "it would never come");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule__takes_numbers_names_lists_ranges_and_steps),
        cmocka_unit_test(test_schedule__knows_words_for_what_is_common),
        cmocka_unit_test(test_schedule__is_never_the_moment_it_is_asked_at),
        cmocka_unit_test(test_schedule__takes_either_day_when_both_are_said),
        cmocka_unit_test(test_schedule__finds_leap_days),
        cmocka_unit_test(test_schedule__comes_once_where_its_hour_is_left_out),
        cmocka_unit_test(test_schedule__comes_once_where_its_hour_is_shown_twice),
        cmocka_unit_test(test_schedule__of_every_hour_goes_by_hours_as_they_pass),
        cmocka_unit_test(test_schedule__that_is_wrong_says_what_would_be_right),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
