// SPDX-License-Identifier: Apache-2.0
#include "platform/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct query_programs *compiled(const char *const texts[], unsigned count) {
    struct slice programs[512];
    struct query_programs *all = NULL;
    unsigned index = 0;
    int offset = 0;
    struct error err = {0};
    assert_true(count <= 512);
    for (unsigned i = 0; i < count; i++) {
        programs[i] = slice_of(texts[i]);
    }
    if (query_compile(programs, count, &all, &index, &offset, &err) != STATUS_OK) {
        fail_msg("%u at %d: %s", index, offset, err.text);
    }
    return all;
}

/* The output, "nothing", or the sentence. */
static const char *answer(struct query_programs *programs, unsigned index, const char *input) {
    static char shown[ERROR_TEXT_MAX];
    struct error err = {0};
    struct buffer out;
    buffer_init(&out, sizeof(shown) - 1);
    const status code = query_programs_run(programs, index, slice_of(input), &out, &err);
    if (code != STATUS_OK) {
        (void)snprintf(shown, sizeof(shown), "%s", err.text);
    } else {
        (void)snprintf(shown, sizeof(shown), "%.*s", SLICE_ARGS(buffer_slice(&out)));
    }
    buffer_done(&out);
    return code == STATUS_OK && shown[0] == '\0' ? "nothing" : shown;
}

static void test_query__each_program_is_run_by_its_number(void **state) {
    static const char *const TEXTS[] = {".a", ".a + 1 # comment", "[.a,\n .b]",
                                        "def f: . * 2; .a | f", "\"\\(.b)\""};
    (void)state;
    struct query_programs *all = compiled(TEXTS, 5);
    for (int again = 0; again < 2; again++) {
        assert_string_equal(answer(all, 0, "{\"a\":1,\"b\":2}"), "1");
        assert_string_equal(answer(all, 1, "{\"a\":1,\"b\":2}"), "2");
        assert_string_equal(answer(all, 2, "{\"a\":1,\"b\":2}"), "[1,2]");
        assert_string_equal(answer(all, 3, "{\"a\":1,\"b\":2}"), "2");
        assert_string_equal(answer(all, 4, "{\"a\":1,\"b\":2}"), "\"2\"");
    }
    query_programs_done(all);
}

static void test_query__a_program_has_one_output_or_none(void **state) {
    static const char *const TEXTS[] = {
        "empty", ".[]", "error(\"no\")", "1, error(\"no\")", "error({a: 1})", ".[0].x"};
    (void)state;
    struct query_programs *all = compiled(TEXTS, 6);
    assert_string_equal(answer(all, 0, "1"), "nothing");
    assert_string_equal(answer(all, 1, "[]"), "nothing");
    assert_string_equal(answer(all, 1, "[7]"), "7");
    assert_string_equal(answer(all, 1, "[7,8]"), "jq: more than one output: wrap it in [ ]");
    assert_string_equal(answer(all, 2, "1"), "jq: no");
    assert_string_equal(answer(all, 3, "1"), "jq: no");
    assert_non_null(strstr(answer(all, 4, "1"), "{\"a\":1}"));
    assert_non_null(strstr(answer(all, 5, "[1]"), "Cannot index number"));
    assert_string_equal(answer(all, 1, "[7]"), "7");
    query_programs_done(all);
}

static void test_query__integers_that_a_double_rounds_are_refused(void **state) {
    static const char *const TEXTS[] = {"."};
    (void)state;
    struct query_programs *all = compiled(TEXTS, 1);
    assert_string_equal(answer(all, 0, "9007199254740992"), "9007199254740992");
    assert_non_null(strstr(answer(all, 0, "9007199254740993"), "beyond the 2^53"));
    assert_non_null(strstr(answer(all, 0, "{\"a\":[-9007199254740993]}"), "9007199254740993"));
    assert_string_equal(answer(all, 0, "\"9007199254740993\""), "\"9007199254740993\"");
    assert_string_equal(answer(all, 0, "{\"a\\\"9007199254740993\":1}"),
                        "{\"a\\\"9007199254740993\":1}");
    assert_string_equal(answer(all, 0, "12345678.5"), "12345678.5");
    query_programs_done(all);
}

static void test_query__input_that_is_no_json_is_refused(void **state) {
    static const char *const TEXTS[] = {"."};
    (void)state;
    struct query_programs *all = compiled(TEXTS, 1);
    assert_non_null(strstr(answer(all, 0, "{"), "jq: "));
    assert_non_null(strstr(answer(all, 0, "[1,]"), "jq: "));
    query_programs_done(all);
}

static void test_query__output_is_bounded(void **state) {
    static const char *const TEXTS[] = {"\"x\" * 10000", "reduce range(80) as $i (0; [.])",
                                        "reduce range(60) as $i (\"[\"; [.])"};
    struct error err = {0};
    struct buffer out;
    (void)state;
    struct query_programs *all = compiled(TEXTS, 3);
    buffer_init(&out, 1000);
    assert_int_equal(query_programs_run(all, 0, SLICE("1"), &out, &err), STATUS_FULL);
    buffer_done(&out);
    assert_string_equal(answer(all, 1, "1"), "jq: the output is nested more than 64 deep");
    assert_non_null(strstr(answer(all, 2, "1"), "[[[[\"[\"]]]]"));
    query_programs_done(all);
}

static void check_wrong(const char *const texts[], unsigned count, unsigned wanted_index,
                        int wanted_offset, const char *wanted) {
    struct slice programs[8];
    struct query_programs *all = NULL;
    unsigned index = 99;
    int offset = -9;
    struct error err = {0};
    for (unsigned i = 0; i < count; i++) {
        programs[i] = slice_of(texts[i]);
    }
    assert_int_equal(query_compile(programs, count, &all, &index, &offset, &err), STATUS_INVALID);
    if (index != wanted_index || offset != wanted_offset || strstr(err.text, wanted) == NULL) {
        fail_msg("%s: %u at %d: %s", texts[wanted_index], index, offset, err.text);
    }
}

static void test_query__what_does_not_compile_is_named_with_its_place(void **state) {
    (void)state;
    static const char *const UNKNOWN[] = {".", ".a |\n foo(.)", "."};
    check_wrong(UNKNOWN, 3, 1, 6, "foo/1 is not defined");
    static const char *const VARIABLE[] = {".", ".", "[1, $nobody]"};
    check_wrong(VARIABLE, 3, 2, 4, "$nobody is not defined");
    static const char *const SYNTAX[] = {"if . then 1 else", ".", "."};
    check_wrong(SYNTAX, 3, 0, 16, "syntax error");
    static const char *const MIDDLE[] = {".", ".a | map(. +) | length"};
    check_wrong(MIDDLE, 2, 1, 12, "syntax error");
    static const char *const WORDS[] = {".a | . \"x\" 5"};
    check_wrong(WORDS, 1, 0, 11, "syntax error");
    static const char *const LAST[] = {".", ".a | 1 2"};
    check_wrong(LAST, 2, 1, 7, "syntax error");
    static const char *const TEXT[] = {"\"a\\(\"b\\(1)c\")d\" + [1 2]"};
    check_wrong(TEXT, 1, 0, 21, "syntax error");
    static const char *const STRAY[] = {".a &"};
    check_wrong(STRAY, 1, 0, 3, "syntax error");
}

static void test_query__a_file_in_the_home_folder_changes_nothing(void **state) {
    static const char *const TEXTS[] = {"ours"};
    char folder[] = "/tmp/ebb-query-XXXXXX";
    char path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/.jq", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("def ours: 1;", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    check_wrong(TEXTS, 1, 0, 0, "ours/0 is not defined");
    assert_string_equal(getenv("HOME"), folder);
    assert_int_equal(remove(path), 0);
    assert_int_equal(remove(folder), 0);
}

static void test_query__many_programs_are_one(void **state) {
    static char room[300][32];
    const char *texts[300];
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(room[i], sizeof(room[i]), ". + %u", i);
        texts[i] = room[i];
    }
    struct query_programs *all = compiled(texts, 300);
    assert_string_equal(answer(all, 0, "1"), "1");
    assert_string_equal(answer(all, 150, "1"), "151");
    assert_string_equal(answer(all, 299, "1"), "300");
    query_programs_done(all);
}

static void test_query__no_program_is_an_error(void **state) {
    struct query_programs *all = NULL;
    unsigned index = 0;
    int offset = 0;
    struct error err = {0};
    (void)state;
    assert_int_equal(query_compile(NULL, 0, &all, &index, &offset, &err), STATUS_INVALID);
    query_programs_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__each_program_is_run_by_its_number),
        cmocka_unit_test(test_query__a_program_has_one_output_or_none),
        cmocka_unit_test(test_query__integers_that_a_double_rounds_are_refused),
        cmocka_unit_test(test_query__input_that_is_no_json_is_refused),
        cmocka_unit_test(test_query__output_is_bounded),
        cmocka_unit_test(test_query__what_does_not_compile_is_named_with_its_place),
        cmocka_unit_test(test_query__a_file_in_the_home_folder_changes_nothing),
        cmocka_unit_test(test_query__many_programs_are_one),
        cmocka_unit_test(test_query__no_program_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
