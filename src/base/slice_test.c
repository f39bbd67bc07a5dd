// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void test_slice_of__takes_null_for_nothing(void **state) {
    (void)state;
    assert_int_equal(slice_of(NULL).count, 0);
    assert_int_equal(slice_of("abc").count, 3);
    assert_int_equal(SLICE("a\0b").count, 3);
}

static void test_slice_equal__compares_bytes_not_places(void **state) {
    (void)state;
    const char one[] = "same";
    const char two[] = "same";
    assert_true(slice_equal(slice_of(one), slice_of(two)));
    assert_true(slice_equal((struct slice){0}, SLICE("")));
    assert_false(slice_equal(SLICE("a"), SLICE("ab")));
    assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    assert_true(slice_is(SLICE("word"), "word"));
    assert_false(slice_is(SLICE("word"), "words"));
}

static void test_slice_starts__and_ends_with_a_text(void **state) {
    (void)state;
    const struct slice path = SLICE("mail/a.eml");
    assert_true(slice_starts(path, "mail/"));
    assert_true(slice_starts(path, ""));
    assert_false(slice_starts(path, "mail/a.eml.x"));
    assert_true(slice_ends(path, ".eml"));
    assert_true(slice_ends(path, ""));
    assert_false(slice_ends(path, ".em"));
    assert_true(slice_starts((struct slice){0}, ""));
    assert_false(slice_ends((struct slice){0}, "a"));
}

static void test_slice_part__clamps_both_ends(void **state) {
    (void)state;
    const struct slice text = SLICE("0123456789");
    assert_true(slice_is(slice_part(text, 2, 5), "234"));
    assert_true(slice_is(slice_part(text, 8, 500), "89"));
    assert_int_equal(slice_part(text, 5, 5).count, 0);
    assert_int_equal(slice_part(text, 7, 3).count, 0);
    assert_int_equal(slice_part(text, 50, 60).count, 0);
    assert_int_equal(slice_part((struct slice){0}, 0, 1).count, 0);
}

static void test_slice_find__gives_the_count_when_there_is_none(void **state) {
    (void)state;
    assert_int_equal(slice_find(SLICE("a:b:c"), ':'), 1);
    assert_int_equal(slice_find(SLICE("abc"), ':'), 3);
    assert_int_equal(slice_find((struct slice){0}, ':'), 0);
}

static void test_slice_trim__takes_blanks_off_both_ends(void **state) {
    (void)state;
    assert_true(slice_is(slice_trim(SLICE(" \t\r\n a b \n")), "a b"));
    assert_int_equal(slice_trim(SLICE(" \t\r\n")).count, 0);
    assert_int_equal(slice_trim((struct slice){0}).count, 0);
}

static void test_slice_compare__orders_by_unsigned_bytes_then_length(void **state) {
    (void)state;
    assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
    assert_true(slice_compare(SLICE("b"), SLICE("a")) > 0);
    assert_true(slice_compare(SLICE("a"), SLICE("ab")) < 0);
    assert_true(slice_compare(SLICE("ab"), SLICE("a")) > 0);
    assert_true(slice_compare(SLICE("z"), SLICE("\xC3\xBC")) < 0);
    assert_int_equal(slice_compare(SLICE("ab"), SLICE("ab")), 0);
    assert_int_equal(slice_compare((struct slice){0}, SLICE("")), 0);
}

static void test_slice_args__print_counted_bytes_and_nothing_for_null(void **state) {
    (void)state;
    char text[32];
    (void)snprintf(text, sizeof(text), "[%.*s][%.*s]",
                   SLICE_ARGS(slice_part(SLICE("abcdef"), 1, 3)), SLICE_ARGS((struct slice){0}));
    assert_string_equal(text, "[bc][]");
}

static void test_slice__gives_its_lines_one_after_another(void **state) {
    (void)state;
    struct slice rest = SLICE(" a \r\n\nb");
    struct slice line;
    assert_true(slice_next_line(&rest, &line) && slice_is(line, "a"));
    assert_true(slice_next_line(&rest, &line) && line.count == 0);
    assert_true(slice_next_line(&rest, &line) && slice_is(line, "b"));
    assert_false(slice_next_line(&rest, &line));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice_of__takes_null_for_nothing),
        cmocka_unit_test(test_slice_equal__compares_bytes_not_places),
        cmocka_unit_test(test_slice_starts__and_ends_with_a_text),
        cmocka_unit_test(test_slice_part__clamps_both_ends),
        cmocka_unit_test(test_slice_find__gives_the_count_when_there_is_none),
        cmocka_unit_test(test_slice_trim__takes_blanks_off_both_ends),
        cmocka_unit_test(test_slice_compare__orders_by_unsigned_bytes_then_length),
        cmocka_unit_test(test_slice_args__print_counted_bytes_and_nothing_for_null),
        cmocka_unit_test(test_slice__gives_its_lines_one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
