// SPDX-License-Identifier: Apache-2.0
#include "base/blob.h"
#include "base/memory.h"

#include "wire/test_context.h"

static void test_expression__a_path_gives_what_stands_there(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {".event.data.t", "-18.4"},
        {".event.data.\"a b\"", "\"blank\""},
        {".event[\"data\"][\"a b\"]", "\"blank\""},
        {".event . \"data\".n", "48211"},
        {".\"event\".type", "\"message\""},
        {".[\"event\"].type", "\"message\""},
        {".event.data.list[1]", "\"two\""},
        {".event.data.list[-1].x", "3"},
        {".event.data.list[7]", "null"},
        {".event.data.list[-7]", "null"},
        {".event.data.nothing.here[3].at_all", "null"},
        {".nowhere", "null"},
        {".nowhere.at.all", "null"},
        {".docs", "null"},
        {"$params.limit", "0.5"},
        {"$run.id", "\"r1\""},
        {"$name", "\"flow\""},
        {"$device", "null"},
        {"(.event.data).n", "48211"},
        {"{a: {b: 7}}.a.b", "7"},
        {"[4, 5][1]", "5"},
        {".event.type # what it is", "\"message\""},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__large_numbers_pass_untouched(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {".event.data.big", "9007199254740993"},
        {".event.data.raw", "123456789012345678901234567890"},
        {"{a: [.event.data.raw]}", "{\"a\":[123456789012345678901234567890]}"},
        {"\"n \\(.event.data.raw) \\(.event.data.big)\"",
         "\"n 123456789012345678901234567890 9007199254740993\""},
        {".event.data.big == 9007199254740993", "true"},
        {".event.data.big > 9007199254740992", "true"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"007", "7"},
        {".5", "0.5"},
        {"1e3", "1000.0"},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__operators_bind_as_in_jq(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {"1 == 1.0", "true"},
        {"1 == 2 or 3 == 3 and false", "false"},
        {"true or false and false", "true"},
        {"null // false // 3", "3"},
        {"false // null", "null"},
        {".event.data.off // \"x\" == \"y\"", "false"},
        {"(.event.data.off // \"x\") == \"x\"", "true"},
        {"1 // 2 or 3", "1"},
        {".event.data.n > 3 | not", "false"},
        {"(.event.data.none | not) and true", "true"},
        {"null | not | not", "false"},
        {"[.event.data.none | not]", "[true]"},
        {"{a: .event.data.none | not, b: 1}", "{\"a\":true,\"b\":1}"},
        {"-5 // 3", "-5"},
        {".event.data.t > -20", "true"},
        {"1 and 0 and \"\" and []", "true"},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__values_have_jqs_order(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {"null < false and false < true and true < 0 and 0 < \"\" and \"\" < [] and [] < {}",
         "true"},
        {"null <= null", "true"},
        {"null < null", "false"},
        {"null < \"a\"", "true"},
        {"{a: 1} < {a: 2} and {a: 2} < {b: 1} and [1,2] < [1,3] and [1] < [1,0]", "true"},
        {"\"abc\" < \"abd\" and \"ab\" < \"abc\"", "true"},
        {"null == 0", "false"},
        {"null != 0", "true"},
        {"{a: 1, b: [1, 2]} == {b: [1, 2.0], a: 1}", "true"},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__what_is_not_asked_for_is_not_evaluated(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {"false and .event.data.n.x", "false"},
        {"true or .event.data.n.x", "true"},
        {"1 // .event.data.n.x", "1"},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__an_optional_step_yields_nothing(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {".event.data.n.x?", "null"},
        {"[.event.data.n.x?, 1]", "[1]"},
        {".event.data.n.x? // \"none\"", "\"none\""},
        {"[.event.data.n[0]? == 1]", "[]"},
        {"[{a: .event.data.n.x?}]", "[]"},
        {"[\"\\(.event.data.n.x?)\"]", "[]"},
        {".event.data.t?", "-18.4"},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__text_takes_strings_as_they_are_and_the_rest_as_json(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {"\"room \\(.event.data.room): \\(.event.data.t)\"", "\"room a b: -18.4\""},
        {"\"\\(.event.data.list)\"", "\"[1,\\\"two\\\",{\\\"x\\\":3}]\""},
        {"\"\\(null) \\(true) \\(\"a\\(\"b\")\")\"", "\"null true ab\""},
        {"\"\\u00e9\\ud83d\\ude00\\n\\\"\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n\\\"\""},
        {"\"\"", "\"\""},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__objects_are_made_as_in_jq(void **state) {
    (void)state;
    static const struct test_pair PAIRS[] = {
        {"{}", "{}"},
        {"[]", "[]"},
        {"{a: 1, \"b c\": 2, if: 3, input: 4}", "{\"a\":1,\"b c\":2,\"if\":3,\"input\":4}"},
        {"{a: 1, b: 2, a: 3}", "{\"a\":3,\"b\":2}"},
        {"{$name}", "{\"name\":\"flow\"}"},
        {"{docs, \"state\"}", "{\"docs\":null,\"state\":null}"},
        {"{(.event.type): -1}", "{\"message\":-1}"},
        {"{\"x\\(1)\": 2}", "{\"x1\":2}"},
        {"{a: (1 == 2)}", "{\"a\":false}"},
    };
    TEST_PAIRS(PAIRS);
}

static void test_expression__the_dot_is_the_context_or_what_was_decoded(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    test.context.event = test_json(&test, "1");
    test.context.steps = test_json(&test, "{}");
    assert_string_equal(test_evaluate(&test, "."),
                        "{\"event\":1,\"steps\":{},\"inputs\":null,\"state\":null,\"docs\":null,"
                        "\"item\":null}");
    test.context.decoded = test_json(&test, "{\"levels\":[\"a\",\"b\"],\"event\":2}");
    assert_string_equal(test_evaluate(&test, ".levels[1]"), "\"b\"");
    assert_string_equal(test_evaluate(&test, ".event"), "2");
    test_context_done(&test);
}

static void check_failure(const char *text, const char *wanted) {
    struct test_context test;
    struct value value = {0};
    test_context_init(&test);
    const struct expression *expression = test_compile(&test, text);
    assert_non_null(expression);
    assert_int_equal(expression_evaluate(expression, &test.context, &value, &test.err),
                     STATUS_INVALID);
    if (strcmp(test.err.text, wanted) != 0) {
        fail_msg("%s: %s, wanted %s", text, test.err.text, wanted);
    }
    test_context_done(&test);
}

static void test_expression__an_error_says_where_and_what(void **state) {
    (void)state;
    check_failure(".event.data.n.x", "3:5: `.event.data.n.x`: cannot index number with \"x\"");
    check_failure("1 == .event.data.list.x",
                  "3:10: `.event.data.list.x`: cannot index list with \"x\"");
    check_failure("true and\n .event.data[0]",
                  "4:6: `.event.data[0]`: cannot index object with number");
    check_failure(".[0]", "3:5: `.[0]`: cannot index object with number");
    check_failure(".event.data.n.x // 1", "3:5: `.event.data.n.x`: cannot index number with \"x\"");
    check_failure("{(.event.data.n): 1}",
                  "3:7: a member's name is a string, `.event.data.n` is number");
    check_failure("$nobody", "3:5: there is no `$nobody`: $params, $device, $run, $name and the "
                             "names under `let:` are variables");
}

static void test_expression__null_is_neither_more_nor_less_than_a_number(void **state) {
    static const char *const SIGNS[] = {"<", "<=", ">", ">="};
    struct test_context test;
    (void)state;
    test_context_init(&test);
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), ".event.data.nope %s 2", SIGNS[i]);
        const char *sentence = test_evaluate(&test, text);
        assert_non_null(strstr(sentence, "3:5: `.event.data.nope` is null"));
        assert_non_null(strstr(sentence, "(`2`)"));
        assert_non_null(strstr(sentence, "`.event.data.nope != null`"));
        (void)snprintf(text, sizeof(text), "$params.limit %s .event.data.nope", SIGNS[i]);
        assert_non_null(strstr(test_evaluate(&test, text), "(`$params.limit`)"));
        assert_int_equal(test.err.code, STATUS_INVALID);
    }
    assert_string_equal(test_evaluate(&test, "(.event.data.nope // 0) < 2"), "true");
    assert_string_equal(test_evaluate(&test, ".event.data.nope == 2"), "false");
    test_context_done(&test);
}

static void test_expression__a_condition_with_no_output_is_false(void **state) {
    struct test_context test;
    bool holds = true;
    (void)state;
    test_context_init(&test);
    const struct expression *expression = test_compile(&test, ".event.data.n.x?");
    assert_int_equal(expression_holds(expression, &test.context, &holds, &test.err), STATUS_OK);
    assert_false(holds);
    expression = test_compile(&test, ".event.data.n");
    assert_int_equal(expression_holds(expression, &test.context, &holds, &test.err), STATUS_OK);
    assert_true(holds);
    test_context_done(&test);
}

static void test_expression__a_full_arena_is_said(void **state) {
    struct test_context test;
    struct value value = {0};
    (void)state;
    test_context_init(&test);
    struct arena small;
    arena_init(&small, 64);
    const struct expression *expression = test_compile(&test, "[{a: .event}]");
    test.context.arena = &small;
    assert_int_equal(expression_evaluate(expression, &test.context, &value, &test.err),
                     STATUS_FULL);
    assert_non_null(strstr(test.err.text, "no room for"));
    arena_done(&small);
    test_context_done(&test);
}

static void test_expression__paths_and_comparisons_allocate_nothing(void **state) {
    struct test_context test;
    struct value value = {0};
    (void)state;
    test_context_init(&test);
    const struct expression *expression =
        test_compile(&test, ".event.data.t < $params.limit and (.event.type == \"message\" | not)"
                            " or (.steps.none // .event.data.list[2].x) == 3");
    struct arena none;
    arena_init(&none, 0);
    test.context.arena = &none;
    (void)memory_fail_at(-1, 0);
    assert_int_equal(expression_evaluate(expression, &test.context, &value, &test.err), STATUS_OK);
    assert_int_equal(memory_fail_at(-1, 0), 0);
    assert_true(value.boolean);
    test_context_done(&test);
}

/* Every allocation fails once: a status each time, and nothing is lost. */
static void test_expression__no_memory_is_a_status(void **state) {
    static const char TEXT[] = "[{a: .event, b: \"\\(.event.data.list)\"}, \"\\(1.5)\"]";
    (void)state;
    for (long index = 0;; index++) {
        struct test_context test;
        struct value value = {0};
        test_context_init(&test);
        struct arena arena;
        arena_init(&arena, 1 << 20);
        test.context.arena = &arena;
        const struct expression *expression = NULL;
        (void)memory_fail_at(index, 0);
        status code = expression_compile(&arena, slice_of(TEXT), (struct place){1, 1}, &expression,
                                         &test.place, &test.err);
        if (code == STATUS_OK) {
            code = expression_evaluate(expression, &test.context, &value, &test.err);
        }
        const size_t asked = memory_fail_at(-1, 0);
        arena_done(&arena);
        test_context_done(&test);
        assert_true(code == STATUS_OK || code == STATUS_FULL || code == STATUS_NO_MEMORY);
        if ((size_t)index >= asked) {
            assert_int_equal(code, STATUS_OK);
            break;
        }
    }
}

/* Variables ---------------------------------------------------------------------------------- */

static void add_let(struct test_context *test, const char *name, const char *text) {
    const struct yaml node = {
        .kind = YAML_SCALAR, .quoted = true, .place = {9, 9}, .text = slice_of(text)};
    struct let *let = &test->lets[test->context.let_count];
    struct place place;
    let->name = slice_of(name);
    assert_int_equal(template_compile(&test->arena, &node, &let->template, &place, &test->err),
                     STATUS_OK);
    test->context.let_count++;
}

static void test_expression__a_let_is_evaluated_once_when_it_is_first_used(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    add_let(&test, "half", "${ .event.data.n }");
    add_let(&test, "both", "${ [$half, $half] }");
    assert_int_equal(test.let_states[0], 0);
    assert_string_equal(test_evaluate(&test, "$both[1]"), "48211");
    test.context.event = test_json(&test, "{}");
    assert_string_equal(test_evaluate(&test, "$half"), "48211");
    test_context_done(&test);
}

static void test_expression__a_let_that_needs_itself_is_an_error(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    add_let(&test, "a", "${ $b }");
    add_let(&test, "b", "${ $a }");
    assert_non_null(strstr(test_evaluate(&test, "$a"), "`$a` needs itself"));
    assert_non_null(strstr(test_evaluate(&test, "$b"), "`$b` needs itself"));
    test_context_done(&test);
}

static void test_expression__a_let_that_fails_is_not_taken_for_nothing(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    add_let(&test, "bad", "${ .event.data.n.x }");
    assert_string_equal(test_evaluate(&test, "$bad // 1"),
                        "9:12: `.event.data.n.x`: cannot index number with \"x\"");
    test_context_done(&test);
}

/* What the checker sees ------------------------------------------------------------------------ */

static void list_path(void *owner, const struct path *path) {
    struct buffer *out = owner;
    buffer_print(out, "%.*s", SLICE_ARGS(path->root));
    for (uint32_t i = 0; i < path->name_count; i++) {
        buffer_print(out, ".%.*s", SLICE_ARGS(path->names[i]));
    }
    buffer_print(out, "@%d:%d ", path->place.line, path->place.column);
}

static void check_paths(const char *text, const char *wanted) {
    struct test_context test;
    struct buffer paths;
    test_context_init(&test);
    buffer_init(&paths, 4096);
    const struct expression *expression = test_compile(&test, text);
    if (expression == NULL) {
        fail_msg("%s: %s", text, test.err.text);
    }
    expression_visit(expression, list_path, &paths);
    buffer_add_byte(&paths, '\0');
    if (strcmp(paths.bytes, wanted) != 0) {
        fail_msg("%s: reads %s, wanted %s", text, paths.bytes, wanted);
    }
    buffer_done(&paths);
    test_context_done(&test);
}

static void test_expression__its_paths_are_visited(void **state) {
    (void)state;
    check_paths(".steps.a.b[0].c == $params.x.y", "steps.a.b@3:5 $params.x.y@3:24 ");
    check_paths("{a: .event, b: [\"\\($run.id)\"]}", "event@3:9 $run.id@3:24 ");
    check_paths(".", "@3:5 ");
    check_paths("1 // \"a\"", "");
    check_paths("(.steps.x // .docs).y", "steps.x@3:6 docs@3:18 ");
    check_paths(".event.a and .event.b and .event.c", "event.a@3:5 event.b@3:18 event.c@3:31 ");
    check_paths(".[0]", "@3:5 ");
}

static void test_expression__it_keeps_its_text_place_and_number(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    const struct expression *expression = test_compile(&test, ".event | length");
    assert_false(expression_is_native(expression));
    assert_true(slice_is(expression_text(expression), ".event | length"));
    assert_int_equal(expression_place(expression).line, 3);
    assert_int_equal(expression_place(expression).column, 5);
    assert_int_equal(expression_program_number(expression), 0);
    expression_set_program(expression, 7);
    assert_int_equal(expression_program_number(expression), 7);
    const struct slice program = expression_program(expression);
    const uint32_t offset = expression_program_offset(expression);
    assert_true(slice_starts(slice_part(program, offset, program.count), ".event | length"));
    test_context_done(&test);
}

static void test_expression__sees_type_and_bytes_of_a_blob_and_passes_it_on(void **state) {
    (void)state;
    struct test_context test;
    struct blob *blob = NULL;
    struct value event;
    struct value got;
    struct error err;
    test_context_init(&test);
    assert_int_equal(blob_copy(SLICE("image/png"), SLICE("1234"), &blob, NULL), STATUS_OK);
    struct member *members = value_new_object(&test.arena, 1, &event);
    members[0].name = SLICE("image");
    assert_true(value_of_blob(&test.arena, blob, &members[0].value));
    blob_release(blob);
    test.context.event = event;
    assert_string_equal(test_evaluate(&test, ".event.image.type"), "\"image/png\"");
    assert_string_equal(test_evaluate(&test, ".event.image.bytes > 3"), "true");
    assert_string_equal(test_evaluate(&test, ".event.image.name"), "null");
    const struct expression *expression = test_compile(&test, "[.event.image]");
    assert_int_equal(expression_evaluate(expression, &test.context, &got, &err), STATUS_OK);
    assert_ptr_equal(got.items[0].blob, blob);
    test_context_done(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expression__a_path_gives_what_stands_there),
        cmocka_unit_test(test_expression__large_numbers_pass_untouched),
        cmocka_unit_test(test_expression__operators_bind_as_in_jq),
        cmocka_unit_test(test_expression__values_have_jqs_order),
        cmocka_unit_test(test_expression__what_is_not_asked_for_is_not_evaluated),
        cmocka_unit_test(test_expression__an_optional_step_yields_nothing),
        cmocka_unit_test(test_expression__text_takes_strings_as_they_are_and_the_rest_as_json),
        cmocka_unit_test(test_expression__objects_are_made_as_in_jq),
        cmocka_unit_test(test_expression__the_dot_is_the_context_or_what_was_decoded),
        cmocka_unit_test(test_expression__an_error_says_where_and_what),
        cmocka_unit_test(test_expression__null_is_neither_more_nor_less_than_a_number),
        cmocka_unit_test(test_expression__a_condition_with_no_output_is_false),
        cmocka_unit_test(test_expression__a_full_arena_is_said),
        cmocka_unit_test(test_expression__paths_and_comparisons_allocate_nothing),
        cmocka_unit_test(test_expression__no_memory_is_a_status),
        cmocka_unit_test(test_expression__a_let_is_evaluated_once_when_it_is_first_used),
        cmocka_unit_test(test_expression__a_let_that_needs_itself_is_an_error),
        cmocka_unit_test(test_expression__a_let_that_fails_is_not_taken_for_nothing),
        cmocka_unit_test(test_expression__its_paths_are_visited),
        cmocka_unit_test(test_expression__it_keeps_its_text_place_and_number),
        cmocka_unit_test(test_expression__sees_type_and_bytes_of_a_blob_and_passes_it_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
