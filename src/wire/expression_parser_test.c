// SPDX-License-Identifier: Apache-2.0
#include "wire/test_context.h"

/* Which of the two a text is, or the sentence that refuses it. */
static void check_kind(const char *text, const char *wanted) {
    struct test_context test;
    test_context_init(&test);
    const struct expression *expression = test_compile(&test, text);
    char got[ERROR_TEXT_MAX + 32];
    if (expression == NULL) {
        (void)snprintf(got, sizeof(got), "%d:%d: %s", test.place.line, test.place.column,
                       test.err.text);
    } else {
        (void)snprintf(got, sizeof(got), "%s", expression_is_native(expression) ? "native" : "jq");
    }
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s, wanted %s", text, got, wanted);
    }
    test_context_done(&test);
}

static void test_parser__what_is_not_native_is_jqs(void **state) {
    static const char *const TEXTS[] = {
        ".event | length",
        ".event.a + 1",
        ".event.a - 1",
        "-.event.a",
        "-1 * 2",
        "1 - 1 // 2",
        ".steps.a.list[]",
        ".steps.a.list[1:2]",
        ".steps.a[.event.i]",
        ".steps.a[1.5]",
        ".steps.a[99999999999]",
        ".a.[0]",
        ".\"a\\(1)\"",
        "if .event then 1 else 2 end",
        "def f: 1; f",
        "reduce .steps.a[] as $x (0; . + $x)",
        ".event as $e | $e",
        "-1 as $e | $e",
        "[.event, .steps | not]",
        "[.event | not, 1]",
        ".event | not, 1",
        ".event | not and .steps",
        ".event, .steps",
        "(.event, .steps)",
        "..",
        "not",
        "@base64",
        "@base64 \"\\(.event)\"",
        "keys",
        "map(. + 1)",
        "$a::b",
        ".event = 1",
        ".event |= 1",
        "true(1)",
        ".event??",
        "(.event)?",
        ".event?//1",
        "{if}",
        "{\"a\\(1)\"}",
        "{(1,2): 3}",
        "{@base64 \"a\": 1}",
        "[.event[]?]",
        "1 ?// 2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        check_kind(TEXTS[i], "jq");
    }
}

static void test_parser__what_jq_would_refuse_is_refused_with_its_place(void **state) {
    (void)state;
    check_kind("", "3:5: an expression is missing");
    check_kind("  # nothing", "3:16: an expression is missing");
    check_kind(".a ==", "3:10: a value is missing at the end");
    check_kind("(.a ==)", "3:11: a value is missing before ')'");
    check_kind("and .a", "3:5: a value is missing before 'and'");
    check_kind(".a || .b", "3:9: jq has no '||': write `or`");
    check_kind("1 < 2 < 3", "3:11: comparisons do not chain: write `a < b and b < c`");
    check_kind(".a 1", "3:8: an operator is missing before '1'");
    check_kind(".a then", "3:8: an operator is missing before 'then'");
    check_kind("not .a", "3:5: `not` comes behind in jq: write `(... | not)`");
    check_kind(".a and not .b", "3:12: `not` comes behind in jq: write `(... | not)`");
    check_kind("{a: 1 == 2}", "3:11: a member's value that is more than a path stands in "
                              "parentheses: {a: (...)}");
    check_kind("{a: 1,}", "3:11: a name is missing before '}'");
    check_kind("{\"a\": 1 \"b\"}", "3:13: a member's value that is more than a path stands in "
                                   "parentheses: {a: (...)}");
    check_kind("{(.a) 1}", "3:11: ':' is missing after a member's name");
    check_kind("\"a\\q\"", "3:7: a string has the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
                           "\\uXXXX and \\(");
    check_kind(".a ==\n  )", "4:7: ')' closes nothing");
    check_kind("{(2): 1}", "3:6: a member's name is a string");
    check_kind("1e999", "3:5: the number is too large");
}

static void test_parser__the_fence_looks_at_functions_not_at_fields(void **state) {
    static const char *const PASS[] = {".inputs",      "{input: 1}",      "{a: .b, env}",
                                       ".a.input",     "\"input env\"",   "getpath([\"a\"])",
                                       ".a | {debug}", "[1 | {halt: 2}]", "$environment.x"};
    static const char *const STOP[] = {"input",
                                       "[inputs]",
                                       "env",
                                       ".a | env.HOME",
                                       "$ENV",
                                       "$ENV.HOME == \"x\"",
                                       "$__loc__",
                                       "$__prog_args",
                                       "halt",
                                       "\"x\" | halt_error",
                                       "halt_error(1)",
                                       "debug",
                                       ".a | stderr",
                                       "input_filename",
                                       "input_line_number",
                                       "get_search_list",
                                       "modulemeta",
                                       "import \"a\" as a; 1",
                                       "include \"a\"; 1",
                                       "{a: input}",
                                       "[1, input]",
                                       "{a: [1, input]}",
                                       "\"\\(input)\""};
    struct test_context test;
    (void)state;
    test_context_init(&test);
    for (size_t i = 0; i < sizeof(PASS) / sizeof(PASS[0]); i++) {
        if (test_compile(&test, PASS[i]) == NULL) {
            fail_msg("%s: %s", PASS[i], test.err.text);
        }
    }
    for (size_t i = 0; i < sizeof(STOP) / sizeof(STOP[0]); i++) {
        if (test_compile(&test, STOP[i]) != NULL ||
            strstr(test.err.text, "is not for expressions") == NULL) {
            fail_msg("%s passes: %s", STOP[i], test.err.text);
        }
    }
    test_context_done(&test);
    check_kind(".a == env.b", "3:11: `env` is not for expressions: expressions see no environment; "
                              "`$params` and `$device` are what the device says");
}

static void test_parser__bytes_are_bounded(void **state) {
    struct test_context test;
    (void)state;
    test_context_init(&test);
    char *text = arena_get(&test.arena, EXPRESSION_BYTES_MAX + 2, 1);
    assert_non_null(text);
    memset(text, ' ', EXPRESSION_BYTES_MAX);
    text[0] = '1';
    assert_non_null(test_compile(&test, text));
    text[EXPRESSION_BYTES_MAX] = ' ';
    assert_null(test_compile(&test, text));
    assert_non_null(strstr(test.err.text, "at most 16384 bytes"));
    const struct expression *expression = NULL;
    assert_int_equal(expression_compile(&test.arena, SLICE("1\0"), (struct place){1, 1},
                                        &expression, &test.place, &test.err),
                     STATUS_INVALID);
    assert_int_equal(test.place.column, 2);
    assert_null(test_compile(&test, "\"\xff\""));
    assert_non_null(strstr(test.err.text, "not UTF-8"));
    test_context_done(&test);
}

/* A long chain is a loop, not a stack. */
static void test_parser__long_chains_are_walked(void **state) {
    static const char *const LINKS[] = {"null//", "1and ", "null or ", "[0]==[0]and "};
    struct test_context test;
    (void)state;
    for (size_t i = 0; i < sizeof(LINKS) / sizeof(LINKS[0]); i++) {
        test_context_init(&test);
        char *text = arena_get(&test.arena, EXPRESSION_BYTES_MAX + 1, 1);
        const size_t bytes = strlen(LINKS[i]);
        assert_non_null(text);
        size_t at = 0;
        for (; at + bytes + 4 <= EXPRESSION_BYTES_MAX; at += bytes) {
            memcpy(text + at, LINKS[i], bytes);
        }
        memcpy(text + at, "true", 5);
        assert_string_equal(test_evaluate(&test, text), "true");
        test_context_done(&test);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parser__what_is_not_native_is_jqs),
        cmocka_unit_test(test_parser__what_jq_would_refuse_is_refused_with_its_place),
        cmocka_unit_test(test_parser__the_fence_looks_at_functions_not_at_fields),
        cmocka_unit_test(test_parser__bytes_are_bounded),
        cmocka_unit_test(test_parser__long_chains_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
