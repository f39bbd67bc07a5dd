// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_text_is_utf8__accepts_what_is_well_formed(void **state) {
    (void)state;
    assert_true(text_is_utf8(SLICE("")));
    assert_true(text_is_utf8(SLICE("plain ascii that is longer than eight bytes")));
    assert_true(text_is_utf8(SLICE("gr\xC3\xBC\xC3\x9F dich, \xE2\x82\xAC 5, \xF0\x9F\x98\x80!")));
    assert_true(text_is_utf8(SLICE("\x00\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF")));
    assert_true(text_is_utf8(SLICE("\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")));
}

static void test_text_is_utf8__refuses_what_is_not(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "\x80",             /* a tail alone */
        "\xC0\xAF",         /* overlong in two */
        "\xC1\xBF",         /* overlong in two */
        "\xE0\x9F\xBF",     /* overlong in three */
        "\xF0\x8F\xBF\xBF", /* overlong in four */
        "\xED\xA0\x80",     /* the first surrogate */
        "\xED\xBF\xBF",     /* the last surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF5\x80\x80\x80", /* a lead that is none */
        "\xFF",
        "\xC3",
        "\xE2\x82",
        "\xF0\x9F\x98",
        "\xE2\x28\xA1",
        "12345678\xC3(",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(text_is_utf8(slice_of(BAD[i])));
    }
}

static void test_text_next__counts_the_bytes_of_one_code_point(void **state) {
    (void)state;
    assert_int_equal(text_next(SLICE("")), 0);
    assert_int_equal(text_next(SLICE("a\xC3")), 1);
    assert_int_equal(text_next(SLICE("\xC3\xBC!")), 2);
    assert_int_equal(text_next(SLICE("\xE2\x82\xAC")), 3);
    assert_int_equal(text_next(SLICE("\xF0\x9F\x98\x80")), 4);
    assert_int_equal(text_next(SLICE("\xBC")), 0);
}

static void test_text_repair__replaces_each_bad_byte_and_counts(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 100);
    assert_int_equal(text_repair(&out, SLICE("a\xFF\xC3(b\xE2\x82")), 4);
    assert_true(
        slice_is(buffer_slice(&out), "a\xEF\xBF\xBD\xEF\xBF\xBD(b\xEF\xBF\xBD\xEF\xBF\xBD"));
    assert_true(text_is_utf8(buffer_slice(&out)));
    buffer_clear(&out);
    assert_int_equal(text_repair(&out, SLICE("fine \xC3\xBC")), 0);
    assert_true(slice_is(buffer_slice(&out), "fine \xC3\xBC"));
    buffer_done(&out);
}

static void test_text_repair__keeps_to_the_bound_of_the_buffer(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 4);
    (void)text_repair(&out, SLICE("ab\xFF"
                                  "cd"));
    assert_int_equal(buffer_status(&out, NULL), STATUS_FULL);
    assert_true(out.count <= 4);
    buffer_done(&out);
}

static void test_text_cut__never_cuts_a_code_point(void **state) {
    (void)state;
    const struct slice text = SLICE("a\xF0\x9F\x98\x80z");
    static const size_t KEPT[] = {0, 1, 1, 1, 1, 5, 6, 6};
    for (size_t most = 0; most < sizeof(KEPT) / sizeof(KEPT[0]); most++) {
        assert_int_equal(text_cut(text, most).count, KEPT[most]);
    }
    assert_int_equal(text_cut(SLICE(""), 3).count, 0);
}

static void test_text_cut__cuts_ill_formed_text_where_asked(void **state) {
    (void)state;
    assert_int_equal(text_cut(SLICE("\x80\x80\x80\x80\x80\x80\x80\x80"), 6).count, 6);
}

static void test_text_nearest__finds_the_word_that_was_meant(void **state) {
    (void)state;
    static const char *const WORDS[] = {"trigger", "steps", "results", "durability", "let", NULL};
    assert_string_equal(text_nearest(SLICE("triger"), WORDS), "trigger");
    assert_string_equal(text_nearest(SLICE("tirgger"), WORDS), "trigger");
    assert_string_equal(text_nearest(SLICE("Result"), WORDS), "results");
    assert_string_equal(text_nearest(SLICE("duribility"), WORDS), "durability");
    assert_string_equal(text_nearest(SLICE("lte"), WORDS), "let");
}

static void test_text_nearest__is_silent_when_nothing_is_near(void **state) {
    (void)state;
    static const char *const WORDS[] = {"trigger", "steps", "let", NULL};
    static const char *const NONE[] = {NULL};
    assert_null(text_nearest(SLICE("window"), WORDS));
    assert_null(text_nearest(SLICE(""), WORDS));
    assert_null(text_nearest(SLICE("ab"), WORDS));
    assert_null(text_nearest(SLICE("steps"), NONE));
    char longer[300] = {0};
    for (size_t i = 0; i + 1 < sizeof(longer); i++) {
        longer[i] = 's';
    }
    assert_null(text_nearest(slice_of(longer), WORDS));
}

static void test_text_mask_query__leaves_of_a_query_its_names(void **state) {
    (void)state;
    static const char *const ROWS[][2] = {
        {"https://host/api/sync?token=ebba_SECRET", "https://host/api/sync?token=..."},
        {"http://h:1/a?a=1&token=x=y&b=#c", "http://h:1/a?a=...&token=...&b=..."},
        {"http://h/?SECRET&b=2", "http://h/?...&b=..."},
        {"http://h/?&a=&", "http://h/?&a=&"},
        {"http://h/a=b&c", "http://h/a=b&c"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct buffer out;
        buffer_init(&out, 200);
        text_mask_query(&out, slice_of(ROWS[i][0]));
        assert_int_equal(out.failed, STATUS_OK);
        assert_true(slice_is(buffer_slice(&out), ROWS[i][1]));
        buffer_done(&out);
    }
}

static void test_text_is_name__takes_lower_case_digits_and_hyphens(void **state) {
    (void)state;
    assert_true(text_is_name(SLICE("a")));
    assert_true(text_is_name(SLICE("too-warm-2")));
    assert_true(
        text_is_name(SLICE("a23456789012345678901234567890123456789012345678901234567890123")));
    assert_false(
        text_is_name(SLICE("a234567890123456789012345678901234567890123456789012345678901234")));
    static const char *const BAD[] = {"", "1a", "-a", "A", "a_b", "a b", "aB", "\xC3\xBC", "a.b"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(text_is_name(slice_of(BAD[i])));
    }
}

static void test_text_is_field__takes_what_stands_behind_a_dot(void **state) {
    (void)state;
    assert_true(text_is_field(SLICE("_")));
    assert_true(text_is_field(SLICE("door_Open2")));
    static const char *const BAD[] = {"", "1a", "a-b", "a b", "\xC3\xBC", "a.b"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(text_is_field(slice_of(BAD[i])));
    }
}

static void test_text_number__takes_digits_up_to_the_most(void **state) {
    (void)state;
    uint64_t number = 0;
    assert_true(text_number(SLICE("0"), 9, &number));
    assert_int_equal(number, 0);
    assert_true(text_number(SLICE("18446744073709551615"), UINT64_MAX, &number));
    assert_int_equal(number, UINT64_MAX);
    assert_true(text_number(SLICE("00120"), 120, &number));
    assert_int_equal(number, 120);
    static const char *const WRONG[] = {"", "121", "-1", "+1", "1 ", "0x1", "1e1", "9999"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_false(text_number(slice_of(WRONG[i]), 120, &number));
    }
    assert_false(text_number(SLICE("18446744073709551616"), UINT64_MAX, &number));
    assert_false(text_number(SLICE("7"), 5, &number));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_utf8__accepts_what_is_well_formed),
        cmocka_unit_test(test_text_is_utf8__refuses_what_is_not),
        cmocka_unit_test(test_text_next__counts_the_bytes_of_one_code_point),
        cmocka_unit_test(test_text_repair__replaces_each_bad_byte_and_counts),
        cmocka_unit_test(test_text_repair__keeps_to_the_bound_of_the_buffer),
        cmocka_unit_test(test_text_cut__never_cuts_a_code_point),
        cmocka_unit_test(test_text_cut__cuts_ill_formed_text_where_asked),
        cmocka_unit_test(test_text_nearest__finds_the_word_that_was_meant),
        cmocka_unit_test(test_text_nearest__is_silent_when_nothing_is_near),
        cmocka_unit_test(test_text_mask_query__leaves_of_a_query_its_names),
        cmocka_unit_test(test_text_number__takes_digits_up_to_the_most),
        cmocka_unit_test(test_text_is_name__takes_lower_case_digits_and_hyphens),
        cmocka_unit_test(test_text_is_field__takes_what_stands_behind_a_dot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
