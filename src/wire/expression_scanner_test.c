// SPDX-License-Identifier: Apache-2.0
#include "wire/test_context.h"

/* The JSON that the program of `text` is handed. */
static void check_input(const char *text, const char *wanted) {
    struct test_context test;
    test_context_init(&test);
    test.context.event = test_json(
        &test, "{\"data\":{\"n\":1,\"list\":[1,2],\"deep\":{\"x\":3,\"y\":4}},\"text\":\"long\"}");
    test.context.steps = test_json(&test, "{\"a\":{\"score\":5},\"b\":7}");
    test.context.params = test_json(&test, "{\"p\":9}");
    const char *got = test_evaluate(&test, text);
    if (strcmp(got, "null") != 0) {
        fail_msg("%s: %s", text, got);
    }
    if (strcmp(test.asked.bytes, wanted) != 0) {
        fail_msg("%s: is handed %s, wanted %s", text, test.asked.bytes, wanted);
    }
    test_context_done(&test);
}

#define ALL                                                                                        \
    "{\"c\":{\"event\":{\"data\":{\"n\":1,\"list\":[1,2],\"deep\":{\"x\":3,\"y\":4}},"             \
    "\"text\":\"long\"},\"steps\":{\"a\":{\"score\":5},\"b\":7},\"inputs\":null,\"state\":null,"   \
    "\"docs\":null,\"item\":null},\"v\":{}}"

static void test_scanner__only_what_is_read_is_handed_over(void **state) {
    (void)state;
    check_input(".event.data.n + 1", "{\"c\":{\"event\":{\"data\":{\"n\":1}}},\"v\":{}}");
    check_input("[.event.data.list[] | . + 1]",
                "{\"c\":{\"event\":{\"data\":{\"list\":[1,2]}}},\"v\":{}}");
    check_input(".event[\"data\"].\"n\" + 1", "{\"c\":{\"event\":{\"data\":{\"n\":1}}},\"v\":{}}");
    check_input(".event.data.deep.x + .event.data.n",
                "{\"c\":{\"event\":{\"data\":{\"n\":1,\"deep\":{\"x\":3}}}},\"v\":{}}");
    check_input(".event.data.deep.x + (.event.data.deep | length)",
                "{\"c\":{\"event\":{\"data\":{\"deep\":{\"x\":3,\"y\":4}}}},\"v\":{}}");
    check_input(".steps.b.x + 1", "{\"c\":{\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("any(.event.data.list[]; . > $params.p)",
                "{\"c\":{\"event\":{\"data\":{\"list\":[1,2]}}},\"v\":{\"params\":{\"p\":9}}}");
    check_input("reduce .event.data.list[] as $x (.steps.b; . + $x)",
                "{\"c\":{\"event\":{\"data\":{\"list\":[1,2]}},\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("{steps} + {\"item\": 1}",
                "{\"c\":{\"steps\":{\"a\":{\"score\":5},\"b\":7}},\"v\":{}}");
    check_input("{\"steps\"} + {}", "{\"c\":{\"steps\":{\"a\":{\"score\":5},\"b\":7}},\"v\":{}}");
    check_input("{a: .event.data.list | length, b: .steps.b} + {}",
                "{\"c\":{\"event\":{\"data\":{\"list\":[1,2]}},\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("\"\\(.steps.b + 1)\"", "{\"c\":{\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("if .steps.b > 1 then .steps.a.score else .docs end",
                "{\"c\":{\"steps\":{\"a\":{\"score\":5},\"b\":7},\"docs\":null},\"v\":{}}");
    check_input(".event.data.n as $n | [.steps.b, $n] | add",
                "{\"c\":{\"event\":{\"data\":{\"n\":1}},\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("try error(.steps.b) catch .", "{\"c\":{\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("range(3) | . # .event", "{\"c\":{},\"v\":{}}");
    check_input("label $out | .steps.b, break $out", "{\"c\":{\"steps\":{\"b\":7}},\"v\":{}}");
    check_input("@base64 \"\\(.steps.b)\"", "{\"c\":{\"steps\":{\"b\":7}},\"v\":{}}");
}

static void test_scanner__what_may_see_the_whole_context_is_handed_it(void **state) {
    static const char *const TEXTS[] = {
        "keys",
        ". + {}",
        "..",
        "[..]",
        ".[\"event\", \"steps\"]",
        ".[\"ev\" + \"ent\"]",
        ".[] | length",
        "to_entries",
        "del(.event)",
        "getpath([\"event\"])",
        ".event.data.n |= 1",
        ".event = 1",
        "map(.x)",
        "def f: .event; f",
        "def any(a; b): .; any(1; 2)",
        "(1 | .), .",
        ". as $x | 1",
        "@json",
        "[.event.data.n, (. | length)]",
        "first(.)",
        "{a: ., b: 1 | not} + {}",
        "\"\\(.)\" + \"\"",
        "{\"a\\(1)\"}",
        "tojson",
        "has(\"event\")",
        "select(.event)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        struct test_context test;
        test_context_init(&test);
        test.context.event = test_json(&test, "{}");
        (void)test_evaluate(&test, TEXTS[i]);
        if (test.asked.bytes == NULL || strstr(test.asked.bytes, "\"docs\":null") == NULL) {
            fail_msg("%s: is handed %s", TEXTS[i],
                     test.asked.bytes != NULL ? test.asked.bytes : "nothing");
        }
        test_context_done(&test);
    }
    check_input("keys", ALL);
}

static void test_scanner__variables_of_the_program_itself_are_not_asked_for(void **state) {
    (void)state;
    check_input("1 as $x | $x", "{\"c\":{},\"v\":{}}");
    check_input("1 as [$x, {a: $y, $params}] | [$x, $y, $params]", "{\"c\":{},\"v\":{}}");
    check_input("def f($params): $params + 1; f(1)",
                "{\"c\":{\"event\":{\"data\":{\"n\":1,\"list\":"
                "[1,2],\"deep\":{\"x\":3,\"y\":4}},\"text\":"
                "\"long\"},\"steps\":{\"a\":{\"score\":5},"
                "\"b\":7},\"inputs\":null,\"state\":null,"
                "\"docs\":null,\"item\":null},\"v\":{}}");
    check_input("(1 as $params | $params), $params.p", "{\"c\":{},\"v\":{\"params\":{\"p\":9}}}");
    check_input("reduce range(3) as $params (0; . + $params)", "{\"c\":{},\"v\":{}}");
    check_input("$params.p + $params.p", "{\"c\":{},\"v\":{\"params\":{\"p\":9}}}");
    check_input("[$run, $params] | length",
                "{\"c\":{},\"v\":{\"run\":{\"id\":\"r1\"},\"params\":{\"p\":9}}}");
}

static void test_scanner__the_decoded_message_is_the_context_where_it_is_set(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    test.context.decoded = test_json(&test, "{\"levels\":[\"a\",\"b\"],\"other\":2}");
    assert_string_equal(test_evaluate(&test, ".levels[1] + \"/\" + .levels[0]"), "null");
    assert_string_equal(test.asked.bytes, "{\"c\":{\"levels\":[\"a\",\"b\"]},\"v\":{}}");
    test.context.decoded = test_json(&test, "[1,2]");
    assert_string_equal(test_evaluate(&test, ".levels + 1"), "null");
    assert_string_equal(test.asked.bytes, "{\"c\":[1,2],\"v\":{}}");
    test_context_done(&test);
}

static void check_refused(const char *text, const char *wanted) {
    struct test_context test;
    test_context_init(&test);
    const char *got = test_evaluate(&test, text);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s, wanted %s", text, got, wanted);
    }
    assert_int_equal(test.asked.count, 0);
    test_context_done(&test);
}

static void test_scanner__integers_that_jq_would_round_are_refused_by_name(void **state) {
    (void)state;
    check_refused(".event.data.big + 1",
                  "3:5: `.event.data.big` is 9007199254740993, beyond the 2^53 that jq holds "
                  "exactly: pass it on with a path alone, or send it as text");
    check_refused(".event.data.raw + 1",
                  "3:5: `.event.data.raw` is 123456789012345678901234567890, beyond the 2^53 that "
                  "jq holds exactly: pass it on with a path alone, or send it as text");
    struct test_context test;
    test_context_init(&test);
    test.context.event = test_json(&test, "{\"a\":[1,{\"b\":-9007199254740993}]}");
    assert_non_null(strstr(test_evaluate(&test, ".event | length"), "`.event.a[1].b` is -9007"));
    test.context.event = test_json(&test, "9007199254740992");
    assert_string_equal(test_evaluate(&test, ".event + 1"), "null");
    test.context.params = test_json(&test, "{\"n\":9007199254740993}");
    assert_non_null(strstr(test_evaluate(&test, "$params.n + 1"), "`$params.n` is 9007"));
    test_context_done(&test);
}

static void test_scanner__a_failing_answer_has_the_expressions_place(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    test.context.event = test_json(&test, "{}");
    test.answer = NULL;
    assert_string_equal(test_evaluate(&test, ".event | length"), "3:5: jq: cannot");
    test.context.query = NULL;
    assert_string_equal(test_evaluate(&test, ".event | length"), "3:5: nothing here evaluates jq");
    test_context_done(&test);
}

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
    if (expression == NULL || expression_is_native(expression)) {
        fail_msg("%s: %s", text, expression == NULL ? test.err.text : "is native");
    }
    expression_visit(expression, list_path, &paths);
    buffer_add_byte(&paths, '\0');
    if (strcmp(paths.bytes, wanted) != 0) {
        fail_msg("%s: reads %s, wanted %s", text, paths.bytes, wanted);
    }
    buffer_done(&paths);
    test_context_done(&test);
}

/* What is not certainly the context's is not the checker's: it would warn of a field of an item. */
static void test_scanner__the_checker_sees_paths_of_the_context_alone(void **state) {
    (void)state;
    check_paths("[.steps.detect.objects[] | select(.score >= $params.min)] + "
                "(.steps.recheck.objects // [])",
                "steps.detect.objects@3:6 $params.min@3:49 steps.recheck.objects@3:66 ");
    check_paths("any(.steps.detect.objects[]; .score < $params.min)",
                "steps.detect.objects@3:9 $params.min@3:43 ");
    check_paths("def f: .score; [.steps.a[] | f]", "steps.a@3:21 ");
    check_paths(".event.a\n  | length", "event.a@3:5 ");
    check_paths("\"a\" +\n .steps.b", "steps.b@4:6 ");
    check_paths(". | length", "@3:5 ");
    check_paths("($command | IN(\"a\", \"b\"))", "$command@3:6 ");
    check_paths("\".event $params\" + \"\" # .event", "");
    check_paths("if .steps.i.score >= 0.8 then .steps.i.label else (.steps.ask.answer // 1) end",
                "steps.i.score@3:8 steps.i.label@3:35 steps.ask.answer@3:56 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scanner__only_what_is_read_is_handed_over),
        cmocka_unit_test(test_scanner__what_may_see_the_whole_context_is_handed_it),
        cmocka_unit_test(test_scanner__variables_of_the_program_itself_are_not_asked_for),
        cmocka_unit_test(test_scanner__the_decoded_message_is_the_context_where_it_is_set),
        cmocka_unit_test(test_scanner__integers_that_jq_would_round_are_refused_by_name),
        cmocka_unit_test(test_scanner__a_failing_answer_has_the_expressions_place),
        cmocka_unit_test(test_scanner__the_checker_sees_paths_of_the_context_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
