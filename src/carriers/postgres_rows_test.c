// SPDX-License-Identifier: Apache-2.0
#include "carriers/postgres_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 1 << 16, COLUMN_NAME = 4, COLUMN_CREATED = 8, COLUMN_RESULT = 10 };

static struct buffer out;
static struct postgres_parameter parameters[POSTGRES_ROW_COLUMNS];

static int set_up(void **state) {
    (void)state;
    buffer_init(&out, ROOM);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    buffer_done(&out);
    return 0;
}

static void assert_bytes(struct slice is, const char *should, size_t count) {
    assert_int_equal(is.count, count);
    assert_memory_equal(is.bytes, should, count);
}

static void test_postgres_rows__write_a_table_that_cannot_be_mistaken(void **state) {
    (void)state;
    postgres_rows_write_create(&out, SLICE("plant.results"));
    assert_int_equal(out.bytes[out.count - 1], '\0');
    assert_non_null(strstr(out.bytes, "CREATE TABLE IF NOT EXISTS \"plant\".\"results\" (id uuid "
                                      "PRIMARY KEY, device uuid, "));
    buffer_clear(&out);
    postgres_rows_write_insert(&out, SLICE("results"));
    assert_non_null(strstr(out.bytes, "INSERT INTO \"results\" AS old (id, device, "));
    assert_non_null(strstr(out.bytes, "$11::jsonb[]) ON CONFLICT (id) DO UPDATE"));
}

static void test_postgres_rows__are_arrays_in_the_binary_form(void **state) {
    (void)state;
    const struct parcel_parts parts[] = {
        {.name = SLICE("it's \"so\""), .created_ms = INT64_C(946684800001), .result = SLICE("{}")},
        {.name = SLICE(""), .result = SLICE("[1]")}};
    const struct parcel parcels[] = {{.parts = &parts[0]}, {.parts = &parts[1]}};
    assert_int_equal(postgres_rows_fill(parcels, 2, &out, parameters, NULL), STATUS_OK);
    assert_int_equal(parameters[COLUMN_NAME].type, 1009);
    static const char NAMES[] = "\0\0\0\1\0\0\0\0\0\0\0\31\0\0\0\2\0\0\0\1"
                                "\0\0\0\11it's \"so\"\0\0\0\0";
    assert_bytes(parameters[COLUMN_NAME].bytes, NAMES, sizeof(NAMES) - 1);
    static const char RESULTS[] = "\0\0\0\1\0\0\0\0\0\0\16\332\0\0\0\2\0\0\0\1"
                                  "\0\0\0\3\1{}\0\0\0\4\1[1]";
    assert_bytes(parameters[COLUMN_RESULT].bytes, RESULTS, sizeof(RESULTS) - 1);
    static const char FIRST_TIME[] = "\0\0\0\10\0\0\0\0\0\0\3\350";
    assert_bytes(slice_part(parameters[COLUMN_CREATED].bytes, 20, 32), FIRST_TIME,
                 sizeof(FIRST_TIME) - 1);
}

/* PostgreSQL refuses a whole batch for a time that is none of its own. */
static void test_postgres_rows__bound_what_a_device_says_of_the_time(void **state) {
    (void)state;
    const struct parcel_parts parts[] = {{.created_ms = INT64_MAX}, {.created_ms = INT64_MIN}};
    const struct parcel parcels[] = {{.parts = &parts[0]}, {.parts = &parts[1]}};
    assert_int_equal(postgres_rows_fill(parcels, 2, &out, parameters, NULL), STATUS_OK);
    const struct slice times = parameters[COLUMN_CREATED].bytes;
    assert_memory_equal(times.bytes + 24, "\3\200\347\13\221\73\174\30", 8);
    assert_memory_equal(times.bytes + 36, "\377\37\342\377\305\234\140\0", 8);
}

static void test_postgres_rows__say_when_there_is_no_room(void **state) {
    (void)state;
    const struct parcel_parts parts = {.result = {.bytes = out.bytes, .count = 0}};
    const struct parcel parcel = {.parts = &parts};
    CLEANUP(buffer_done) struct buffer small;
    buffer_init(&small, 100);
    assert_int_equal(postgres_rows_fill(&parcel, 1, &small, parameters, NULL), STATUS_FULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_postgres_rows__write_a_table_that_cannot_be_mistaken),
        TEST(test_postgres_rows__are_arrays_in_the_binary_form),
        TEST(test_postgres_rows__bound_what_a_device_says_of_the_time),
        TEST(test_postgres_rows__say_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
