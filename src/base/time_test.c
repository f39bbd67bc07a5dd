// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    int64_t wall_ms;
    const char *text;
} MOMENTS[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {951868799999, "2000-02-29T23:59:59.999Z"},
    {951868800000, "2000-03-01T00:00:00.000Z"},
    {1795429200120, "2026-11-23T10:20:00.120Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"},
    {4107456000000, "2100-02-28T00:00:00.000Z"},
    {-62135596800000, "0001-01-01T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

enum { MOMENT_COUNT = sizeof(MOMENTS) / sizeof(MOMENTS[0]) };

static void test_time_write__writes_moments_in_utc(void **state) {
    (void)state;
    for (size_t i = 0; i < MOMENT_COUNT; i++) {
        char text[TIME_TEXT_BYTES];
        time_write(MOMENTS[i].wall_ms, text);
        assert_string_equal(text, MOMENTS[i].text);
    }
    char plain[TIME_TEXT_BYTES];
    time_write_plain(1795429200120, plain);
    assert_string_equal(plain, "2026-11-23T10:20:00.120");
}

static void test_time_write__stays_within_four_digits_of_a_year(void **state) {
    (void)state;
    char text[TIME_TEXT_BYTES];
    time_write(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    time_write(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void test_time_read__reads_back_what_was_written(void **state) {
    (void)state;
    for (size_t i = 0; i < MOMENT_COUNT; i++) {
        int64_t wall_ms = 0;
        assert_true(time_read(slice_of(MOMENTS[i].text), &wall_ms));
        assert_true(wall_ms == MOMENTS[i].wall_ms);
    }
    for (int64_t day = -800000; day < 2900000; day += 397) {
        char text[TIME_TEXT_BYTES];
        int64_t wall_ms = 0;
        time_write(day * 86400000 + 12345678, text);
        assert_true(time_read(slice_of(text), &wall_ms));
        const bool clamped = day < -719528 || day > 2932896;
        assert_true(clamped || wall_ms == day * 86400000 + 12345678);
    }
}

static void test_time_read__knows_offsets_and_fractions(void **state) {
    (void)state;
    static const char *const SAME[] = {
        "2026-11-23T10:20:00.12Z",          "2026-11-23t10:20:00.12z",
        "2026-11-23 10:20:00.120000Z",      "2026-11-23T11:20:00.1209999+01:00",
        "2026-11-23T00:50:00.120-09:30",    "2026-11-24T00:20:00.120+14:00",
        "2026-11-23T10:20:00.12000000001Z",
    };
    for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
        int64_t wall_ms = 0;
        assert_true(time_read(slice_of(SAME[i]), &wall_ms));
        assert_true(wall_ms == 1795429200120);
    }
    int64_t leap = 0;
    assert_true(time_read(SLICE("2016-12-31T23:59:60Z"), &leap));
    assert_true(leap == 1483228800000);
}

static void test_time_read__refuses_everything_else(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "",
        "2026-11-23",
        "2026-11-23T10:20:00",
        "2026-11-23T10:20:00.Z",
        "2026-11-23T10:20:00Z ",
        "2026-13-23T10:20:00Z",
        "2026-00-23T10:20:00Z",
        "2026-02-29T10:20:00Z",
        "2026-02-00T10:20:00Z",
        "2026-04-31T10:20:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:20:61Z",
        "2026-11-23T10:20:00+24:00",
        "2026-11-23T10:20:00+01:60",
        "2026-11-23T10:20:00+1:00",
        "2026-11-23T10:20:00+0100",
        "26-11-23T10:20:00Z",
        "-026-11-23T10:20:00Z",
        "2026/11/23T10:20:00Z",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        int64_t wall_ms = 77;
        assert_false(time_read(slice_of(BAD[i]), &wall_ms));
        assert_true(wall_ms == 77);
    }
}

static void test_time_read_span__wants_a_unit(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } SPANS[] = {{"0", 0},         {"000", 0},
                 {"0ms", 0},       {"200ms", 200},
                 {"2s", 2000},     {"5m", 300000},
                 {"3h", 10800000}, {"7d", 604800000},
                 {"1500ms", 1500}, {"10000d", 864000000000}};
    for (size_t i = 0; i < sizeof(SPANS) / sizeof(SPANS[0]); i++) {
        int64_t ms = -1;
        assert_true(time_read_span(slice_of(SPANS[i].text), &ms));
        assert_true(ms == SPANS[i].ms);
    }
    static const char *const BAD[] = {"",    "5",      "ms",      "5 s",
                                      "-5s", "5min",   "1.5s",    "5S",
                                      "5sx", "10001d", "240001h", "9999999999999999999999s"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        int64_t ms = 77;
        assert_false(time_read_span(slice_of(BAD[i]), &ms));
        assert_true(ms == 77);
    }
}

static void test_time_write_span__is_the_shortest_that_reads_back(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } SPANS[] = {{0, "0"},        {1, "1ms"},        {1500, "1500ms"},
                 {30000, "30s"},  {60000, "1m"},     {90000, "90s"},
                 {3600000, "1h"}, {604800000, "7d"}, {86400001, "86400001ms"}};
    for (size_t i = 0; i < sizeof(SPANS) / sizeof(SPANS[0]); i++) {
        char text[TIME_TEXT_BYTES];
        time_write_span(SPANS[i].ms, text);
        assert_string_equal(text, SPANS[i].text);
        int64_t ms = -1;
        assert_true(time_read_span(slice_of(text), &ms));
        assert_true(ms == SPANS[i].ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_write__writes_moments_in_utc),
        cmocka_unit_test(test_time_write__stays_within_four_digits_of_a_year),
        cmocka_unit_test(test_time_read__reads_back_what_was_written),
        cmocka_unit_test(test_time_read__knows_offsets_and_fractions),
        cmocka_unit_test(test_time_read__refuses_everything_else),
        cmocka_unit_test(test_time_read_span__wants_a_unit),
        cmocka_unit_test(test_time_write_span__is_the_shortest_that_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
