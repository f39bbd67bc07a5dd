// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool in(const char *version, const char *range) {
    struct agent_version read = {0};
    assert_true(agent_version_read(slice_of(version), &read));
    bool valid = false;
    const bool fits = agent_version_in(read, slice_of(range), &valid);
    assert_true(valid);
    return fits;
}

static void test_agent_version__three_numbers_are_read_and_written(void **state) {
    (void)state;
    struct agent_version version = {0};
    assert_true(agent_version_read(SLICE("1.20.300"), &version));
    char text[AGENT_VERSION_TEXT_BYTES];
    agent_version_write(version, text);
    assert_string_equal(text, "1.20.300");
    assert_true(agent_version_read(SLICE("999999999.999999999.999999999"), &version));
    agent_version_write(version, text);
    assert_string_equal(text, "999999999.999999999.999999999");
}

static void test_agent_version__anything_else_is_no_version(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",       "1",     "1.2",    "1.2.3.4",        "1.2.",    ".1.2", "v1.2.3",
        "01.2.3", "1.2.x", "-1.2.3", "1.2.1000000000", "1.2.3-a", "1..2", " 1.2.3"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct agent_version version = {7, 7, 7};
        assert_false(agent_version_read(slice_of(wrong[i]), &version));
        assert_int_equal(version.major, 7);
    }
}

static void test_agent_version__numbers_are_compared_as_numbers(void **state) {
    (void)state;
    const struct agent_version nine = {1, 9, 0};
    const struct agent_version ten = {1, 10, 0};
    assert_true(agent_version_compare(nine, ten) < 0);
    assert_true(agent_version_compare(ten, nine) > 0);
    assert_int_equal(agent_version_compare(ten, ten), 0);
    assert_true(agent_version_compare((struct agent_version){2, 0, 0}, ten) > 0);
    assert_true(agent_version_compare((struct agent_version){1, 9, 1}, nine) > 0);
}

static void test_agent_version__a_caret_keeps_the_first_number_that_is_not_zero(void **state) {
    (void)state;
    assert_true(in("1.0.0", "^1"));
    assert_true(in("1.99.7", "^1"));
    assert_false(in("2.0.0", "^1"));
    assert_false(in("1.1.9", "^1.2"));
    assert_true(in("1.2.0", "^1.2"));
    assert_true(in("0.9.0", "^0"));
    assert_false(in("1.0.0", "^0"));
    assert_true(in("0.2.5", "^0.2"));
    assert_false(in("0.3.0", "^0.2"));
    assert_true(in("0.0.3", "^0.0.3"));
    assert_false(in("0.0.4", "^0.0.3"));
    assert_true(in("0.0.4", "^0.0"));
    assert_false(in("0.1.0", "^0.0"));
}

static void test_agent_version__a_tilde_keeps_the_second_number(void **state) {
    (void)state;
    assert_true(in("1.2.9", "~1.2"));
    assert_false(in("1.3.0", "~1.2"));
    assert_false(in("1.2.2", "~1.2.3"));
    assert_true(in("1.2.3", "~1.2.3"));
    assert_true(in("1.9.0", "~1"));
    assert_false(in("2.0.0", "~1"));
}

static void test_agent_version__exact_open_and_any(void **state) {
    (void)state;
    assert_true(in("1.2.0", "1.2.0"));
    assert_false(in("1.2.1", "1.2.0"));
    assert_true(in("1.2.7", "1.2"));
    assert_false(in("1.3.0", "1.2"));
    assert_true(in("3.0.0", ">=1.2"));
    assert_false(in("1.1.9", ">=1.2"));
    assert_true(in("1.2.0", ">= 1.2"));
    assert_true(in("0.0.0", "*"));
    assert_true(in("7.0.0", ""));
}

static void test_agent_version__a_wrong_range_says_so(void **state) {
    (void)state;
    static const char *const wrong[] = {"^",  "^x",    "latest", "<2",         "^1.2.3.4", "~",
                                        ">=", "1.2.x", "^^1",    "1 2",        ">1",       "^1.",
                                        "=1", "1||2",  "^01",    "^9999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bool valid = true;
        assert_false(agent_version_in((struct agent_version){1, 2, 0}, slice_of(wrong[i]), &valid));
        assert_false(valid);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_version__three_numbers_are_read_and_written),
        cmocka_unit_test(test_agent_version__anything_else_is_no_version),
        cmocka_unit_test(test_agent_version__numbers_are_compared_as_numbers),
        cmocka_unit_test(test_agent_version__a_caret_keeps_the_first_number_that_is_not_zero),
        cmocka_unit_test(test_agent_version__a_tilde_keeps_the_second_number),
        cmocka_unit_test(test_agent_version__exact_open_and_any),
        cmocka_unit_test(test_agent_version__a_wrong_range_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
