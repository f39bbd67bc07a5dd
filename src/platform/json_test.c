// SPDX-License-Identifier: Apache-2.0
#include "platform/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/memory.h"

static int open_arena(void **state) {
    static struct arena arena;
    arena_init(&arena, 64 << 20);
    *state = &arena;
    return 0;
}

static int close_arena(void **state) {
    arena_done(*state);
    return 0;
}

static struct value read_text(struct arena *arena, struct slice text) {
    struct value value = {0};
    struct error err = {0};
    if (json_read(arena, text, &value, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        fail();
    }
    return value;
}

static void assert_written(struct value value, const char *expected) {
    struct buffer out;
    buffer_init(&out, 1 << 20);
    json_write(&out, value);
    assert_int_equal(buffer_status(&out, NULL), STATUS_OK);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, expected);
    buffer_done(&out);
}

static void test_json_read__knows_every_kind(void **state) {
    struct arena *arena = *state;
    const struct value value = read_text(
        arena, SLICE(" {\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"r\":1.5,\"s\":\"a\\u00e9\",\n"
                     "\"l\":[1,[],{}],\"o\":{\"x\":0}} "));
    assert_int_equal(value.kind, VALUE_OBJECT);
    assert_int_equal(value.count, 8);
    assert_int_equal(value_get(value, SLICE("n"))->kind, VALUE_NULL);
    assert_true(value_get(value, SLICE("t"))->boolean);
    assert_false(value_get(value, SLICE("f"))->boolean);
    assert_true(value_get(value, SLICE("i"))->integer == -12);
    assert_true(value_get(value, SLICE("r"))->real == 1.5);
    assert_true(slice_is(value_text(*value_get(value, SLICE("s"))), "a\xC3\xA9"));
    assert_int_equal(value_get(value, SLICE("l"))->count, 3);
    assert_int_equal(value_get(*value_get(value, SLICE("o")), SLICE("x"))->kind, VALUE_INTEGER);
    assert_int_equal(read_text(arena, SLICE("\"root\"")).kind, VALUE_TEXT);
    assert_int_equal(read_text(arena, SLICE("7")).kind, VALUE_INTEGER);
    assert_int_equal(read_text(arena, SLICE("[]")).count, 0);
}

static void test_json_read__keeps_numbers_that_nothing_holds_digit_for_digit(void **state) {
    struct arena *arena = *state;
    static const struct {
        const char *text;
        enum value_kind kind;
        const char *written;
    } NUMBERS[] = {
        {"0", VALUE_INTEGER, "0"},
        {"-0", VALUE_INTEGER, "0"},
        {"9223372036854775807", VALUE_INTEGER, "9223372036854775807"},
        {"-9223372036854775808", VALUE_INTEGER, "-9223372036854775808"},
        {"9223372036854775808", VALUE_RAW, "9223372036854775808"},
        {"-9223372036854775809", VALUE_RAW, "-9223372036854775809"},
        {"18446744073709551615", VALUE_RAW, "18446744073709551615"},
        {"18446744073709551616", VALUE_RAW, "18446744073709551616"},
        {"123456789012345678901234567890", VALUE_RAW, "123456789012345678901234567890"},
        {"1e400", VALUE_RAW, "1e400"},
        {"-1.5E+400", VALUE_RAW, "-1.5E+400"},
        {"1.0", VALUE_REAL, "1.0"},
        {"-0.0", VALUE_REAL, "-0.0"},
        {"1e2", VALUE_REAL, "100.0"},
        {"0.1", VALUE_REAL, "0.1"},
        {"5e-324", VALUE_REAL, "5e-324"},
        {"1.7976931348623157e308", VALUE_REAL, "1.7976931348623157e308"},
        {"1e-400", VALUE_REAL, "0.0"},
        {"123456789012345680000.0", VALUE_REAL, "123456789012345680000.0"},
    };
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        const struct value value = read_text(arena, slice_of(NUMBERS[i].text));
        assert_int_equal(value.kind, NUMBERS[i].kind);
        assert_written(value, NUMBERS[i].written);
    }
}

static void test_json_write__reads_back_any_double(void **state) {
    struct arena *arena = *state;
    uint64_t bits = 88172645463325252;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double number = 0;
        (void)memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number)) {
            continue;
        }
        struct buffer out;
        buffer_init(&out, 100);
        json_write(&out, value_of_real(number));
        const struct value back = read_text(arena, buffer_slice(&out));
        assert_int_equal(back.kind, VALUE_REAL);
        assert_memory_equal(&back.real, &number, sizeof(number));
        buffer_done(&out);
    }
    assert_written((struct value){.kind = VALUE_REAL, .real = (double)INFINITY}, "null");
}

static void test_json_read__keeps_doubled_names_and_their_order(void **state) {
    const struct value value = read_text(*state, SLICE("{\"b\":1,\"a\":2,\"b\":3}"));
    assert_int_equal(value.count, 3);
    assert_true(value_get(value, SLICE("b"))->integer == 3);
    assert_written(value, "{\"b\":1,\"a\":2,\"b\":3}");
}

static void test_json_read__shares_nothing_with_its_text(void **state) {
    char text[] = "{\"name\":[\"text\",18446744073709551616]}";
    const struct value value = read_text(*state, slice_of(text));
    (void)memset(text, 'x', sizeof(text) - 1);
    assert_written(value, "{\"name\":[\"text\",18446744073709551616]}");
}

static void test_json_read__says_where_it_is_wrong(void **state) {
    struct arena *arena = *state;
    static const struct {
        const char *text;
        const char *place;
    } WRONG[] = {
        {"", "1:1"},
        {"  ", "1:"},
        {"{\"a\":1,}", "1:7"},
        {"{\n  \"a\": tru\n}", "2:8"},
        {"[1 2]", "1:4"},
        {"[1] x", "1:5"},
        {"{\"\xC3\xBC\": 01}", "1:"},
        {"\"\xFF\"", "1:2"},
        {"[1,\n2,\n\n", "4:"},
        {"{\"a\" 1}", "1:6"},
        {"nan", "1:1"},
        {"// c\n1", "1:1"},
        {"'a'", "1:1"},
        {"\"\\ud800\"", "1:"},
        {"\"a\tb\"", "1:3"},
        {"\xEF\xBB\xBF{}", "1:1"},
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct value value = value_of_integer(77);
        struct error err = {0};
        assert_int_equal(json_read(arena, slice_of(WRONG[i].text), &value, &err), STATUS_INVALID);
        char start[64];
        (void)snprintf(start, sizeof(start), "not JSON at %s", WRONG[i].place);
        if (!slice_starts(slice_of(err.text), start)) {
            print_error("'%s' does not start with '%s'\n", err.text, start);
            fail();
        }
        assert_true(value.integer == 77);
    }
    assert_int_equal(json_read(arena, SLICE("[\0]"), &(struct value){0}, NULL), STATUS_INVALID);
}

static struct slice nested(struct arena *arena, size_t depth) {
    char *text = arena_get(arena, 2 * depth, 1);
    assert_non_null(text);
    (void)memset(text, '[', depth);
    (void)memset(text + depth, ']', depth);
    return (struct slice){.bytes = text, .count = 2 * depth};
}

static void test_json_read__bounds_depth_before_it_recurses(void **state) {
    struct arena *arena = *state;
    struct value value;
    struct error err = {0};
    assert_int_equal(value_depth(read_text(arena, nested(arena, VALUE_DEPTH_MAX))),
                     VALUE_DEPTH_MAX);
    const struct slice deep = nested(arena, VALUE_DEPTH_MAX + 1);
    assert_int_equal(json_read(arena, deep, &value, &err), STATUS_INVALID);
    assert_string_equal(err.text, "not JSON at 1:65: nested deeper than 64 levels");
    char open[1200]; /* brackets that nobody closes, so many that they fill the scratch */
    (void)memset(open, '[', sizeof(open));
    for (size_t count = 100; count <= sizeof(open); count += 100) {
        err = (struct error){0};
        assert_int_equal(
            json_read(arena, (struct slice){.bytes = open, .count = count}, &value, &err),
            STATUS_INVALID);
        assert_int_equal(strncmp(err.text, "not JSON at ", 12), 0);
    }
    assert_int_equal(json_read(arena, nested(arena, 200000), &value, &err), STATUS_INVALID);
    assert_int_equal(json_read(arena, SLICE("{\"[[\\\"[\":[]}"), &value, &err), STATUS_OK);
}

static void test_json_read_wrapped__takes_what_ebb_wrapped(void **state) {
    struct arena *arena = *state;
    struct value value;
    const struct slice most = nested(arena, JSON_WRAPPED_DEPTH_MAX);
    assert_int_equal(json_read_wrapped(arena, most, &value, NULL), STATUS_OK);
    struct buffer out;
    buffer_init(&out, 10000);
    json_write(&out, value);
    assert_true(slice_equal(buffer_slice(&out), most));
    const struct value deeper = {.kind = VALUE_LIST, .count = 1, .items = &value};
    json_write(&out, deeper);
    assert_int_equal(buffer_status(&out, NULL), STATUS_INVALID);
    buffer_done(&out);
    const struct slice beyond = nested(arena, JSON_WRAPPED_DEPTH_MAX + 1);
    assert_int_equal(json_read_wrapped(arena, beyond, &value, NULL), STATUS_INVALID);
}

static void test_json_read__keeps_to_the_bound_of_the_arena(void **state) {
    (void)state;
    const struct slice text = SLICE("{\"a\":[1,2,18446744073709551615,{\"b\":\"text\"}]}");
    bool read = false;
    for (size_t most = 0; !read; most += 8) {
        struct arena arena;
        struct value value;
        struct error err = {0};
        arena_init(&arena, most);
        const status code = json_read(&arena, text, &value, &err);
        read = code == STATUS_OK;
        assert_true(read || code == STATUS_FULL);
        assert_true(arena.bytes <= most);
        assert_true(most < 10000);
        arena_done(&arena);
    }
}

/* A text of many small values costs more than its bytes: the arena's bound holds for the heap too.
 */
static void test_json_read__does_not_take_the_heap_for_what_will_not_fit(void **state) {
    (void)state;
    enum { BYTES = 4 << 20 };
    char *text = malloc(BYTES);
    assert_non_null(text);
    for (size_t i = 0; i < BYTES; i++) {
        text[i] = i % 2 == 0 ? ',' : '1';
    }
    text[0] = '[';
    text[BYTES - 1] = ']';
    text[BYTES - 2] = '1';
    text[BYTES - 3] = '1';
    struct arena arena;
    struct value value;
    struct error err = {0};
    arena_init(&arena, BYTES + 100000);
    assert_int_equal(json_read(&arena, (struct slice){.bytes = text, .count = BYTES}, &value, &err),
                     STATUS_FULL);
    assert_string_equal(err.text, "JSON of 4194304 bytes does not fit the 4294304 bytes for it");
    arena_done(&arena);
    arena_init(&arena, 10 * BYTES);
    assert_int_equal(json_read(&arena, (struct slice){.bytes = text, .count = BYTES}, &value, &err),
                     STATUS_OK);
    assert_int_equal(value.count, BYTES / 2 - 1);
    arena_done(&arena);
    free(text);
}

static void test_json_read__says_when_the_heap_is_used_up(void **state) {
    (void)state;
    char *text = malloc(100001);
    assert_non_null(text);
    (void)memset(text, ' ', 100001);
    (void)memcpy(text, "[1,\"two\"", 8);
    text[100000] = ']';
    const struct slice list = {.bytes = text, .count = 100001};
    bool read = false;
    for (long k = 0; !read; k++) {
        struct arena arena;
        struct value value;
        struct error err = {0};
        arena_init(&arena, 16 << 20);
        (void)memory_fail_at(k, 0);
        const status code = json_read(&arena, list, &value, &err);
        (void)memory_fail_at(-1, 0);
        read = code == STATUS_OK;
        assert_true(read || code == STATUS_NO_MEMORY || code == STATUS_FULL);
        assert_true(k < 20);
        arena_done(&arena);
    }
    free(text);
}

static void test_json_write__escapes_what_must_be(void **state) {
    struct arena *arena = *state;
    char every[256];
    for (int i = 0; i < 128; i++) {
        every[i] = (char)i;
    }
    const struct value value = value_of_text((struct slice){.bytes = every, .count = 128});
    struct buffer out;
    buffer_init(&out, 10000);
    json_write(&out, value);
    assert_true(value_equal(read_text(arena, buffer_slice(&out)), value));
    buffer_done(&out);
    assert_written(value_of_text(SLICE("a\"b\\c\b\f\n\r\t\x01\x1F\x7F/")),
                   "\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u001f\x7F/\"");
    assert_written(value_of_text(SLICE("\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80 long enough text")),
                   "\"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80 long enough text\"");
}

/* Every place of every byte in words of eight, since text is looked at eight bytes at a time. */
static void test_json_write_text__sees_each_byte_wherever_it_stands(void **state) {
    struct arena *arena = *state;
    for (size_t at = 0; at < 19; at++) {
        for (int byte = 0; byte < 128; byte++) {
            char text[19];
            (void)memset(text, 'p', sizeof(text));
            text[at] = (char)byte;
            const struct slice slice = {.bytes = text, .count = sizeof(text)};
            struct buffer out;
            buffer_init(&out, 100);
            json_write_text(&out, slice);
            const struct value back = read_text(arena, buffer_slice(&out));
            assert_true(slice_equal(value_text(back), slice));
            buffer_done(&out);
        }
    }
}

static void test_json_write_text__replaces_what_is_not_utf8(void **state) {
    (void)state;
    assert_written(value_of_text(SLICE("a\xFF"
                                       "b\xE2\x82")),
                   "\"a\xEF\xBF\xBD"
                   "b\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void test_json_write__keeps_to_the_bound_of_the_buffer(void **state) {
    const struct slice text = SLICE("{\"a\":[1,2.5,null,true,\"x\\ny\"],\"b\":{}}");
    const struct value value = read_text(*state, text);
    for (size_t most = 0; most < text.count; most++) {
        struct buffer out;
        buffer_init(&out, most);
        json_write(&out, value);
        assert_int_equal(buffer_status(&out, NULL), STATUS_FULL);
        assert_true(out.count <= most);
        buffer_done(&out);
    }
    struct buffer out;
    buffer_init(&out, text.count);
    json_write(&out, value);
    assert_true(slice_equal(buffer_slice(&out), text));
    buffer_done(&out);
}

static void test_json_write_pretty__indents_by_two(void **state) {
    const struct value value =
        read_text(*state, SLICE("{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":[]}"));
    struct buffer out;
    buffer_init(&out, 1000);
    json_write_pretty(&out, value);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, "{\n"
                                   "  \"a\": [\n"
                                   "    1,\n"
                                   "    {\n"
                                   "      \"b\": null\n"
                                   "    }\n"
                                   "  ],\n"
                                   "  \"c\": {},\n"
                                   "  \"d\": []\n"
                                   "}");
    buffer_done(&out);
}

static void test_json_write__says_what_a_blob_is_and_where_it_lies(void **state) {
    struct arena *arena = *state;
    struct buffer out;
    struct blob *blob = NULL;
    struct value value;
    buffer_init(&out, 1 << 10);
    assert_int_equal(blob_copy(SLICE("image/png"), SLICE("1234"), &blob, NULL), STATUS_OK);
    assert_true(value_of_blob(arena, blob, &value));
    json_write(&out, value);
    assert_true(slice_is(buffer_slice(&out), "{\"type\":\"image/png\",\"bytes\":4}"));
    blob_set_id(blob, (struct id){{1}});
    buffer_clear(&out);
    json_write(&out, value);
    assert_true(slice_is(buffer_slice(&out), "{\"$blob\":\"01000000000000000000000000000000\","
                                             "\"type\":\"image/png\",\"bytes\":4}"));
    blob_release(blob);
    buffer_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json_read__knows_every_kind, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(
            test_json_read__keeps_numbers_that_nothing_holds_digit_for_digit, open_arena,
            close_arena),
        cmocka_unit_test_setup_teardown(test_json_write__reads_back_any_double, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_read__keeps_doubled_names_and_their_order,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_json_read__shares_nothing_with_its_text, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_read__says_where_it_is_wrong, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_read__bounds_depth_before_it_recurses, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_read_wrapped__takes_what_ebb_wrapped, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_read__keeps_to_the_bound_of_the_arena, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(
            test_json_read__does_not_take_the_heap_for_what_will_not_fit, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_json_read__says_when_the_heap_is_used_up, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_write__escapes_what_must_be, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_write_text__sees_each_byte_wherever_it_stands,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_json_write_text__replaces_what_is_not_utf8, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_write__keeps_to_the_bound_of_the_buffer,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_json_write_pretty__indents_by_two, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_json_write__says_what_a_blob_is_and_where_it_lies,
                                        open_arena, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
