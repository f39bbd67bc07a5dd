// SPDX-License-Identifier: Apache-2.0
#include "cli/recorded_day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "platform/file.h"
#include "platform/folder.h"
#include "platform/json.h"

static char place[] = "/tmp/ebb-day-XXXXXX";
static char path[64];

static int make_place(void **state) {
    (void)state;
    (void)strcpy(place, "/tmp/ebb-day-XXXXXX");
    if (mkdtemp(place) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/day.ndjson", place);
    return 0;
}

static int end_place(void **state) {
    (void)state;
    struct error err;
    return folder_remove(place, &err) == STATUS_OK ? 0 : 1;
}

static status read_text(const char *text, struct recorded_day *day, struct error *err) {
    assert_int_equal(file_replace(path, slice_of(text), err), STATUS_OK);
    return recorded_day_read(path, day, err);
}

static void count(struct recorded_day *day, const char *text) {
    struct value value;
    struct error err;
    struct arena arena;
    arena_init(&arena, 10000);
    assert_int_equal(json_read(&arena, slice_of(text), &value, &err), STATUS_OK);
    recorded_day_count(day, value);
    arena_done(&arena);
}

static const char TWO[] = "{\"sensor\":\"a1\",\"number\":1,\"t\":-18.5}\n"
                          "{\"sensor\":\"b2\",\"number\":1,\"t\":-19}\n";

static void test_recorded_day__a_reading_without_a_result_is_lost(void **state) {
    (void)state;
    struct error err;
    CLEANUP(recorded_day_done) struct recorded_day day = {.count = 0};
    assert_int_equal(read_text(TWO, &day, &err), STATUS_OK);
    assert_int_equal(day.count, 2);
    assert_int_equal(recorded_day_lost(&day), 2);
    count(&day, "{\"sensor\":\"a1\",\"number\":1}");
    assert_int_equal(recorded_day_lost(&day), 1);
    count(&day, "{\"sensor\":\"b2\",\"number\":1}");
    assert_int_equal(recorded_day_lost(&day), 0);
    assert_int_equal(recorded_day_doubled(&day), 0);
}

static void test_recorded_day__a_second_result_and_one_of_no_reading_are_too_many(void **state) {
    (void)state;
    struct error err;
    CLEANUP(recorded_day_done) struct recorded_day day = {.count = 0};
    assert_int_equal(read_text(TWO, &day, &err), STATUS_OK);
    count(&day, "{\"sensor\":\"a1\",\"number\":1}");
    count(&day, "{\"sensor\":\"a1\",\"number\":1}");
    assert_int_equal(recorded_day_doubled(&day), 1);
    count(&day, "{\"sensor\":\"a1\",\"number\":2}");
    assert_int_equal(recorded_day_doubled(&day), 2);
    count(&day, "{\"sensor\":\"a1\"}");
    count(&day, "null");
    assert_int_equal(recorded_day_doubled(&day), 4);
    assert_int_equal(recorded_day_lost(&day), 1);
}

static void test_recorded_day__a_line_that_is_no_reading_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } CASES[] = {{"{\"sensor\":\"a1\",\"number\":1}\nnonsense\n", "line 2"},
                 {"{\"sensor\":\"a1\"}\n", "line 1: a reading is"},
                 {"{\"sensor\":\"../a\",\"number\":1}\n", "line 1: a reading is"},
                 {"{\"sensor\":\"a1\",\"number\":\"1\"}\n", "line 1: a reading is"},
                 {"{\"sensor\":\"a1\",\"number\":1}\n\n", "line 2"}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error err;
        struct recorded_day day = {.count = 0};
        assert_int_equal(read_text(CASES[i].text, &day, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, CASES[i].says));
    }
}

static void test_recorded_day__its_bounds_hold(void **state) {
    (void)state;
    struct error err;
    struct recorded_day day = {.count = 0};
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1 << 20);
    for (int i = 0; i <= RECORDED_DAY_READINGS_MAX; i++) {
        buffer_print(&text, "{\"sensor\":\"a\",\"number\":%d}\n", i);
    }
    buffer_add_byte(&text, '\0');
    assert_int_equal(read_text(text.bytes, &day, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "more than"));
    while (text.count <= RECORDED_DAY_BYTES_MAX) {
        buffer_add_text(&text, "                ");
    }
    assert_int_equal(file_replace(path, buffer_slice(&text), &err), STATUS_OK);
    assert_int_equal(recorded_day_read(path, &day, &err), STATUS_FULL);
}

static void test_recorded_day__a_reading_is_a_whole_file_of_its_time(void **state) {
    (void)state;
    struct error err;
    struct stat facts;
    char played[80];
    CLEANUP(recorded_day_done) struct recorded_day day = {.count = 0};
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1000);
    assert_int_equal(read_text(TWO, &day, &err), STATUS_OK);
    assert_int_equal(recorded_day_play(&day, 1, place, 1700000000250, &err), STATUS_OK);
    (void)snprintf(played, sizeof(played), "%s/b2-0001.json", place);
    assert_int_equal(file_read(played, &text, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&text), "{\"sensor\":\"b2\",\"number\":1,\"t\":-19}\n"));
    assert_int_equal(stat(played, &facts), 0);
    assert_int_equal(facts.st_mtim.tv_sec, 1700000000);
    assert_int_equal(facts.st_mtim.tv_nsec, 250000000);
    assert_int_equal(recorded_day_play(&day, 1, "/no/such/folder", 0, &err), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_recorded_day__a_reading_without_a_result_is_lost,
                                        make_place, end_place),
        cmocka_unit_test_setup_teardown(
            test_recorded_day__a_second_result_and_one_of_no_reading_are_too_many, make_place,
            end_place),
        cmocka_unit_test_setup_teardown(test_recorded_day__a_line_that_is_no_reading_is_named,
                                        make_place, end_place),
        cmocka_unit_test_setup_teardown(test_recorded_day__its_bounds_hold, make_place, end_place),
        cmocka_unit_test_setup_teardown(test_recorded_day__a_reading_is_a_whole_file_of_its_time,
                                        make_place, end_place),
    };
    return cmocka_run_group_tests_name("cli/recorded_day", tests, NULL, NULL);
}
