// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/json_member.h"

#include <cmocka.h>

static const struct slice OBJECT = SLICE(
    " { \"t\" : -18.5, \"n\":4821,\"ok\":true,\"off\":false,\"none\":null, \"words\":[1,\"]\",{}],"
    "\"where\":{\"n\":1,\"s\":\"}\"}, \"label\":\"ham\","
    " \"said\":\"a\\\"b\\u00e9\\n\\ud83d\\ude00\","
    "\"l\\u0061st\":7 } ");

static struct json_member find(const char *name) {
    return json_member_find(OBJECT, slice_of(name));
}

static void assert_raw(const char *name, enum json_member_kind kind, const char *raw) {
    const struct json_member member = find(name);
    assert_int_equal(member.kind, kind);
    if (!slice_is(member.raw, raw)) {
        fail_msg("%s is '%.*s'", name, SLICE_ARGS(member.raw));
    }
}

static void test_json_member__finds_every_kind_of_value(void **state) {
    (void)state;
    assert_true(find("t").kind == JSON_MEMBER_REAL && find("t").real == -18.5);
    assert_true(find("n").kind == JSON_MEMBER_INTEGER && find("n").integer == 4821);
    assert_true(find("n").real == 4821);
    assert_int_equal(find("ok").kind, JSON_MEMBER_TRUE);
    assert_int_equal(find("off").kind, JSON_MEMBER_FALSE);
    assert_int_equal(find("none").kind, JSON_MEMBER_NONE);
    assert_raw("words", JSON_MEMBER_LIST, "[1,\"]\",{}]");
    assert_raw("where", JSON_MEMBER_OBJECT, "{\"n\":1,\"s\":\"}\"}");
    assert_raw("label", JSON_MEMBER_TEXT, "ham");
    assert_false(find("label").escaped);
}

static void test_json_member__looks_at_the_top_alone(void **state) {
    (void)state;
    assert_int_equal(find("s").kind, JSON_MEMBER_NONE);
    assert_int_equal(find("nothing").kind, JSON_MEMBER_NONE);
    assert_int_equal(find("ham").kind, JSON_MEMBER_NONE);
}

static void test_json_member__reads_escapes_in_names_and_texts(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 100);
    assert_true(find("said").escaped);
    json_member_text(&text, find("said").raw);
    assert_true(slice_is(buffer_slice(&text), "a\"b\xc3\xa9\n\xf0\x9f\x98\x80"));
    assert_int_equal(find("last").integer, 7);
}

static void test_json_member__gives_the_last_of_a_name(void **state) {
    (void)state;
    assert_int_equal(json_member_find(SLICE("{\"a\":1,\"b\":2,\"a\":3}"), SLICE("a")).integer, 3);
}

static void test_json_member__integers_beyond_an_int64_are_real(void **state) {
    (void)state;
    const struct slice object =
        SLICE("{\"least\":-9223372036854775808,\"most\":9223372036854775807,"
              "\"more\":9223372036854775808,\"less\":-9223372036854775809}");
    assert_true(json_member_find(object, SLICE("least")).integer == INT64_MIN);
    assert_true(json_member_find(object, SLICE("most")).integer == INT64_MAX);
    assert_int_equal(json_member_find(object, SLICE("more")).kind, JSON_MEMBER_REAL);
    assert_true(json_member_find(object, SLICE("more")).real == 9223372036854775808.0);
    assert_int_equal(json_member_find(object, SLICE("less")).kind, JSON_MEMBER_REAL);
}

static void test_json_member__numbers_are_what_strtod_reads(void **state) {
    static const char *const NUMBERS[] = {"0.1",
                                          "-18.4",
                                          "0.5003829031994823",
                                          "1e3",
                                          "-1.5e-7",
                                          "123456789012345.678",
                                          "0.000001",
                                          "-0.0",
                                          "9007199254740993.5",
                                          "1.7976931348623157e308",
                                          "4.9e-324",
                                          "100.0"};
    (void)state;
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        char object[64];
        (void)snprintf(object, sizeof(object), "{\"a\":%s}", NUMBERS[i]);
        const struct json_member member = json_member_find(slice_of(object), SLICE("a"));
        const double wanted = strtod(NUMBERS[i], NULL);
        assert_int_equal(member.kind, JSON_MEMBER_REAL);
        assert_memory_equal(&member.real, &wanted, sizeof(wanted));
    }
}

static void test_json_member__goes_from_one_to_the_next(void **state) {
    (void)state;
    struct slice name;
    struct json_member member;
    size_t place = 0;
    int count = 0;
    while (json_member_next(OBJECT, &place, &name, &member)) {
        count++;
    }
    assert_int_equal(count, 10);
    assert_true(slice_is(name, "l\\u0061st"));
    place = 0;
    assert_false(json_member_next(SLICE("{}"), &place, &name, &member));
    assert_false(json_member_next(SLICE(""), &place, &name, &member));
}

static void test_json_member__what_is_cut_off_anywhere_is_safe(void **state) {
    (void)state;
    for (size_t count = 0; count < OBJECT.count; count++) {
        char *part = test_malloc(count + 1);
        (void)memcpy(part, OBJECT.bytes, count);
        const struct slice object = {.bytes = part, .count = count};
        assert_int_equal(json_member_find(object, SLICE("nothing")).kind, JSON_MEMBER_NONE);
        (void)json_member_find(object, SLICE("last"));
        test_free(part);
    }
    assert_int_equal(json_member_find(SLICE("[1]"), SLICE("a")).kind, JSON_MEMBER_NONE);
    assert_int_equal(json_member_find(SLICE("{\"a\":}"), SLICE("a")).kind, JSON_MEMBER_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_member__finds_every_kind_of_value),
        cmocka_unit_test(test_json_member__looks_at_the_top_alone),
        cmocka_unit_test(test_json_member__reads_escapes_in_names_and_texts),
        cmocka_unit_test(test_json_member__gives_the_last_of_a_name),
        cmocka_unit_test(test_json_member__integers_beyond_an_int64_are_real),
        cmocka_unit_test(test_json_member__numbers_are_what_strtod_reads),
        cmocka_unit_test(test_json_member__goes_from_one_to_the_next),
        cmocka_unit_test(test_json_member__what_is_cut_off_anywhere_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
