// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/json.h"

#include <cmocka.h>

static const struct listing_column COLUMNS[] = {{"NAME", "name", LISTING_TEXT},
                                                {"COUNT", "count", LISTING_COUNT},
                                                {"BYTES", "bytes", LISTING_BYTES},
                                                {"AT", "at", LISTING_MOMENT},
                                                {"TOOK", "took", LISTING_SPAN}};
static const struct listing LISTING = {
    .member = "things", .columns = COLUMNS, .column_count = 5, .nothing = "no things"};

static const char ANSWER[] =
    "{\"things\":[{\"name\":\"a\",\"count\":3,\"bytes\":2048,\"at\":\"2026-11-23T10:00:00.1\","
    "\"took\":1500.7,\"more\":1},{\"name\":\"b\"}]}";

struct stage {
    struct call call;
    char *out, *talk;
    size_t out_bytes, talk_bytes;
};

static void stage_init(struct stage *stage) {
    *stage = (struct stage){.out = NULL};
    arena_init(&stage->call.arena, 1 << 20);
    stage->call.out = open_memstream(&stage->out, &stage->out_bytes);
    stage->call.talk = open_memstream(&stage->talk, &stage->talk_bytes);
    assert_non_null(stage->call.out);
    assert_non_null(stage->call.talk);
}

static void stage_end(struct stage *stage) {
    assert_int_equal(fclose(stage->call.out), 0);
    assert_int_equal(fclose(stage->call.talk), 0);
}

static void stage_done(struct stage *stage) {
    free(stage->out);
    free(stage->talk);
    arena_done(&stage->call.arena);
}

static struct value parse(struct stage *stage, const char *text) {
    struct value value = {.kind = VALUE_NULL};
    struct error err;
    assert_int_equal(json_read(&stage->call.arena, slice_of(text), &value, &err), STATUS_OK);
    return value;
}

static void test_listing__members_stand_in_columns(void **state) {
    (void)state;
    CLEANUP(stage_done) struct stage stage;
    struct error err;
    stage_init(&stage);
    assert_int_equal(listing_answer(&stage.call, &LISTING, parse(&stage, ANSWER), &err), STATUS_OK);
    stage_end(&stage);
    assert_string_equal(stage.out, "NAME  COUNT    BYTES  AT                   TOOK\n"
                                   "a         3  2.0 KiB  2026-11-23 10:00:00   1 s\n"
                                   "b         -        -  -                       -\n");
    assert_string_equal(stage.talk, "");
}

static void test_listing__programs_get_a_line_for_each(void **state) {
    (void)state;
    CLEANUP(stage_done) struct stage stage;
    struct error err;
    stage_init(&stage);
    stage.call.json = true;
    assert_int_equal(
        listing_answer(&stage.call, &LISTING,
                       parse(&stage, "{\"things\":[{\"name\":\"a\",\"more\":1},{\"name\":\"b\"}]}"),
                       &err),
        STATUS_OK);
    stage_end(&stage);
    assert_string_equal(stage.out, "{\"name\":\"a\",\"more\":1}\n{\"name\":\"b\"}\n");
}

static void test_listing__nothing_is_said_to_people_and_not_to_programs(void **state) {
    (void)state;
    for (int json = 0; json < 2; json++) {
        CLEANUP(stage_done) struct stage stage;
        struct error err;
        stage_init(&stage);
        stage.call.json = json == 1;
        assert_int_equal(
            listing_answer(&stage.call, &LISTING, parse(&stage, "{\"things\":[]}"), &err),
            STATUS_OK);
        stage_end(&stage);
        assert_string_equal(stage.out, "");
        assert_string_equal(stage.talk, json == 1 ? "" : "no things\n");
    }
}

static void test_listing__one_object_is_a_member_a_line(void **state) {
    (void)state;
    CLEANUP(stage_done) struct stage stage;
    struct error err;
    stage_init(&stage);
    assert_int_equal(
        listing_object(&stage.call,
                       parse(&stage, "{\"name\":\"a\\u001b[2J\",\"inputs\":{\"t\":\"number\"}}"),
                       &err),
        STATUS_OK);
    stage_end(&stage);
    assert_string_equal(stage.out, "name    a?[2J\n"
                                   "inputs  {\"t\":\"number\"}\n");
}

static void test_listing__pages_are_joined(void **state) {
    (void)state;
    CLEANUP(stage_done) struct stage stage;
    struct error err;
    stage_init(&stage);
    struct value *all = NULL;
    uint32_t count = 0;
    for (int page = 0; page < 3; page++) {
        const struct value list = parse(&stage, "[1,2]");
        assert_int_equal(listing_join(&stage.call, &all, &count, list.items, list.count, &err),
                         STATUS_OK);
    }
    assert_int_equal(listing_join(&stage.call, &all, &count, NULL, 0, &err), STATUS_OK);
    stage_end(&stage);
    assert_int_equal(count, 6);
    assert_int_equal(all[0].integer, 1);
    assert_int_equal(all[5].integer, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing__members_stand_in_columns),
        cmocka_unit_test(test_listing__programs_get_a_line_for_each),
        cmocka_unit_test(test_listing__nothing_is_said_to_people_and_not_to_programs),
        cmocka_unit_test(test_listing__one_object_is_a_member_a_line),
        cmocka_unit_test(test_listing__pages_are_joined),
    };
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
