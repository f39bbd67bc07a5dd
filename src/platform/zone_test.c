// SPDX-License-Identifier: Apache-2.0
#include "platform/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HEADER_BYTES = 44, FILE_BYTES = 512 };

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

static const struct zone *of_rule(const char *text) {
    const struct zone *zone = NULL;
    struct error err;
    assert_int_equal(zone_read_rule(&arena, slice_of(text), &zone, &err), STATUS_OK);
    return zone;
}

static int64_t moment(const char *text) {
    int64_t ms = 0;
    assert_true(time_read(slice_of(text), &ms));
    return ms / 1000;
}

static void assert_change(const struct zone *zone, const char *at, int before_minutes,
                          int after_minutes) {
    const struct zone_piece before = zone_piece_at(zone, moment(at) - 1);
    const struct zone_piece after = zone_piece_at(zone, moment(at));
    assert_int_equal(before.offset_s, before_minutes * 60);
    assert_int_equal(before.ends_s, moment(at));
    assert_int_equal(after.begins_s, moment(at));
    assert_int_equal(after.before_s, before_minutes * 60);
    assert_int_equal(after.offset_s, after_minutes * 60);
}

static void test_zone__goes_by_a_rule_of_every_year(void **state) {
    (void)state;
    const struct zone *berlin = of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_change(berlin, "2026-03-29T01:00:00Z", 60, 120);
    assert_change(berlin, "2026-10-25T01:00:00Z", 120, 60);
    assert_change(berlin, "2093-03-29T01:00:00Z", 60, 120);
    const struct zone *york = of_rule("EST5EDT,M3.2.0,M11.1.0");
    assert_change(york, "2026-03-08T07:00:00Z", -300, -240);
    assert_change(york, "2026-11-01T06:00:00Z", -240, -300);
    const struct zone *howe = of_rule("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
    assert_change(howe, "2026-04-04T15:00:00Z", 660, 630);
    assert_change(howe, "2026-10-03T15:30:00Z", 630, 660);
    const struct zone *kolkata = of_rule("IST-5:30");
    const struct zone_piece always = zone_piece_at(kolkata, moment("2026-07-01T00:00:00Z"));
    assert_int_equal(always.offset_s, 19800);
    assert_int_equal(always.begins_s, INT64_MIN);
    assert_int_equal(always.ends_s, INT64_MAX);
}

static void test_zone__counts_days_of_a_rule_in_three_ways(void **state) {
    (void)state;
    const struct zone *julian = of_rule("AAA0BBB,J60,J300");
    assert_change(julian, "2026-03-01T02:00:00Z", 0, 60);
    assert_change(julian, "2028-03-01T02:00:00Z", 0, 60);
    const struct zone *counted = of_rule("AAA0BBB,59,300/-1");
    assert_change(counted, "2026-03-01T02:00:00Z", 0, 60);
    assert_change(counted, "2028-02-29T02:00:00Z", 0, 60);
    assert_change(counted, "2026-10-27T22:00:00Z", 60, 0);
    const struct zone *always_summer = of_rule("XXX3EDT4,0/0,J365/23");
    assert_int_equal(zone_piece_at(always_summer, moment("2026-06-01T00:00:00Z")).offset_s, -14400);
    assert_int_equal(zone_piece_at(always_summer, moment("2026-12-31T12:00:00Z")).offset_s, -14400);
}

static void test_zone__refuses_what_is_no_rule(void **state) {
    (void)state;
    static const char *const BAD[] = {"",
                                      "CE-1",
                                      "CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-25",
                                      "CET-1:60",
                                      "CET-1CEST,J0,J5",
                                      "CET-1CEST,366,5",
                                      "<+1-1",
                                      "CET-1CEST,M3.5.0,M10.5.0/168",
                                      "CET-1CEST,M3.5.0,M10.5.0 ",
                                      "CET99999999999",
                                      NULL};
    for (int i = 0; BAD[i] != NULL; i++) {
        const struct zone *zone = NULL;
        struct error err = {0};
        assert_int_equal(zone_read_rule(&arena, slice_of(BAD[i]), &zone, &err), STATUS_INVALID);
        assert_null(zone);
    }
}

static void add_number(char *file, size_t *count, int64_t number, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) {
        file[(*count)++] = (char)((uint64_t)number >> (8 * i) & 0xff);
    }
}

static void add_header(char *file, size_t *count, char version, int changes, int types) {
    (void)memcpy(file + *count, "TZif", 4);
    file[*count + 4] = version;
    (void)memset(file + *count + 5, 0, 15);
    *count += 20;
    const int counts[6] = {0, 0, 0, changes, types, 4};
    for (int i = 0; i < 6; i++) {
        add_number(file, count, counts[i], 4);
    }
}

/* Two changes by table, at 1000000000 to +1 h and at 1100000000 to -2 h, then a rule. */
static size_t make_file(char file[FILE_BYTES], const char *footer) {
    size_t count = 0;
    add_header(file, &count, '2', 0, 1);
    add_number(file, &count, 0, 6);
    add_number(file, &count, 0, 4);
    add_header(file, &count, '2', 2, 3);
    add_number(file, &count, 1000000000, 8);
    add_number(file, &count, 1100000000, 8);
    add_number(file, &count, 0x0102, 2);
    const int offsets[3] = {0, 3600, -7200};
    for (int i = 0; i < 3; i++) {
        add_number(file, &count, offsets[i], 4);
        add_number(file, &count, 0, 2);
    }
    (void)memcpy(file + count, "AAA", 4);
    count += 4;
    (void)memcpy(file + count, footer, strlen(footer));
    return count + strlen(footer);
}

static void test_zone__reads_table_and_rule_of_a_file(void **state) {
    (void)state;
    char file[FILE_BYTES];
    const struct slice bytes = {.bytes = file,
                                .count = make_file(file, "\nAAA2BBB,M3.2.0,M11.1.0\n")};
    const struct zone *zone = NULL;
    struct error err;
    assert_int_equal(zone_read(&arena, bytes, &zone, &err), STATUS_OK);
    assert_int_equal(zone_piece_at(zone, 0).offset_s, 0);
    assert_int_equal(zone_piece_at(zone, 0).begins_s, INT64_MIN);
    assert_int_equal(zone_piece_at(zone, 999999999).ends_s, 1000000000);
    assert_int_equal(zone_piece_at(zone, 1000000000).offset_s, 3600);
    assert_int_equal(zone_piece_at(zone, 1000000000).before_s, 0);
    assert_int_equal(zone_piece_at(zone, 1100000000).offset_s, -7200);
    assert_int_equal(zone_piece_at(zone, 1100000000).before_s, 3600);
    assert_int_equal(zone_piece_at(zone, 1100000000).begins_s, 1100000000);
    assert_change(zone, "2026-03-08T04:00:00Z", -120, -60);
}

static void test_zone__refuses_a_file_cut_anywhere(void **state) {
    (void)state;
    char file[FILE_BYTES];
    const size_t count = make_file(file, "\nAAA2\n");
    for (size_t i = 0; i < count; i++) {
        const struct zone *zone = NULL;
        struct error err = {0};
        const struct slice bytes = {.bytes = file, .count = i};
        assert_int_equal(zone_read(&arena, bytes, &zone, &err), STATUS_CORRUPT);
        assert_true(err.text[0] != '\0');
    }
}

static void test_zone__refuses_a_file_that_lies(void **state) {
    (void)state;
    char file[FILE_BYTES];
    const struct zone *zone = NULL;
    struct error err = {0};
    struct slice bytes = {.bytes = file, .count = make_file(file, "\nAAA2\n")};
    const size_t second = 44 + 10;
    const struct {
        size_t place;
        char byte;
    } lies[] = {
        {0, 'X'},
        {second + 28, 1},                       /* leap seconds */
        {second + 32, 0x7f},                    /* changes */
        {second + 39, 2},                       /* a type less */
        {second + HEADER_BYTES + 4, 0x7f},      /* the first change behind the second */
        {second + HEADER_BYTES + 16, 9},        /* a type that is not there */
        {second + HEADER_BYTES + 18 + 6, 0x7f}, /* an offset of years */
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const char kept = file[lies[i].place];
        file[lies[i].place] = lies[i].byte;
        assert_int_equal(zone_read(&arena, bytes, &zone, &err), STATUS_CORRUPT);
        file[lies[i].place] = kept;
    }
    assert_null(zone);
    assert_int_equal(zone_read(&arena, bytes, &zone, &err), STATUS_OK);
}

static void test_zone__opens_by_name_and_refuses_what_is_none(void **state) {
    (void)state;
    const struct zone *zone = NULL;
    struct error err = {0};
    assert_int_equal(zone_open(&arena, SLICE("UTC"), &zone, &err), STATUS_OK);
    assert_int_equal(zone_piece_at(zone, 0).offset_s, 0);
    assert_int_equal(zone_open(&arena, SLICE(""), &zone, &err), STATUS_OK);
    static const char *const BAD[] = {"../../etc/passwd",
                                      "/etc/localtime",
                                      "Europe/../UTC",
                                      "a//b",
                                      "Europe/",
                                      "Mars/Olympus Mons",
                                      NULL};
    for (int i = 0; BAD[i] != NULL; i++) {
        assert_int_equal(zone_open(&arena, slice_of(BAD[i]), &zone, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "such as Europe/Berlin"));
    }
    assert_int_not_equal(zone_open(&arena, SLICE("Mars/Olympus"), &zone, &err), STATUS_OK);
    assert_int_not_equal(zone_open(&arena, SLICE("Europe"), &zone, &err), STATUS_OK);
}

/* Where the system has tzdata, its files say what the rules say. */
static void test_zone__agrees_with_the_system_s_files(void **state) {
    (void)state;
    static const char *const ZONES[][2] = {
        {"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"},
        {"America/New_York", "EST5EDT,M3.2.0,M11.1.0"},
        {"Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
    };
    for (int i = 0; i < 3; i++) {
        const struct zone *zone = NULL;
        const struct zone *rule = of_rule(ZONES[i][1]);
        struct error err;
        if (zone_open(&arena, slice_of(ZONES[i][0]), &zone, &err) == STATUS_NOT_FOUND) {
            print_message("no tzdata here\n");
            return;
        }
        assert_non_null(zone);
        const int64_t end = moment("2045-01-01T00:00:00Z");
        for (int64_t at = moment("2010-01-01T00:00:00Z"); at < end; at += 6 * 3600) {
            assert_int_equal(zone_piece_at(zone, at).offset_s, zone_piece_at(rule, at).offset_s);
        }
    }
}

static void test_zone__shows_what_a_clock_on_the_wall_shows(void **state) {
    (void)state;
    char text[TIME_TEXT_BYTES];
    zone_write_local(of_rule("CET-1CEST,M3.5.0,M10.5.0/3"), moment("2026-07-01T22:30:00Z") * 1000,
                     text);
    assert_string_equal(text, "2026-07-02T00:30:00+02:00");
    zone_write_local(of_rule("NST3:30"), moment("2026-07-01T00:00:00Z") * 1000, text);
    assert_string_equal(text, "2026-06-30T20:30:00-03:30");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zone__goes_by_a_rule_of_every_year),
        cmocka_unit_test(test_zone__counts_days_of_a_rule_in_three_ways),
        cmocka_unit_test(test_zone__refuses_what_is_no_rule),
        cmocka_unit_test(test_zone__reads_table_and_rule_of_a_file),
        cmocka_unit_test(test_zone__refuses_a_file_cut_anywhere),
        cmocka_unit_test(test_zone__refuses_a_file_that_lies),
        cmocka_unit_test(test_zone__opens_by_name_and_refuses_what_is_none),
        cmocka_unit_test(test_zone__agrees_with_the_system_s_files),
        cmocka_unit_test(test_zone__shows_what_a_clock_on_the_wall_shows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
