// SPDX-License-Identifier: Apache-2.0
#include "platform/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_password__fits_itself_and_nothing_else(void **state) {
    char verifier[PASSWORD_VERIFIER_BYTES];
    char again[PASSWORD_VERIFIER_BYTES];
    struct error err;
    (void)state;
    assert_int_equal(password_keep(SLICE("correct horse"), verifier, &err), STATUS_OK);
    assert_int_equal(password_keep(SLICE("correct horse"), again, &err), STATUS_OK);
    assert_string_not_equal(verifier, again); /* salted */
    assert_non_null(strstr(verifier, "$argon2id$"));
    assert_true(password_fits(verifier, SLICE("correct horse")));
    assert_false(password_fits(verifier, SLICE("correct horsf")));
    assert_false(password_fits(verifier, SLICE("")));
    assert_false(password_fits("", SLICE("correct horse")));
    assert_false(password_fits("nonsense", SLICE("correct horse")));
}

static void test_password__has_a_length(void **state) {
    struct error err;
    char long_one[PASSWORD_BYTES_MAX + 1];
    (void)state;
    (void)memset(long_one, 'x', sizeof long_one);
    assert_int_equal(password_check_length(SLICE("123456789"), &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "10 to 256"));
    assert_int_equal(password_check_length(SLICE("1234567890"), &err), STATUS_OK);
    assert_int_equal(
        password_check_length((struct slice){.bytes = long_one, .count = sizeof long_one}, &err),
        STATUS_INVALID);
}

static void test_password__of_chance_is_another_each_time(void **state) {
    char one[PASSWORD_RANDOM_BYTES];
    char other[PASSWORD_RANDOM_BYTES];
    char verifier[PASSWORD_VERIFIER_BYTES];
    struct error err;
    (void)state;
    assert_int_equal(password_make_random(other, verifier, &err), STATUS_OK);
    assert_int_equal(password_make_random(one, verifier, &err), STATUS_OK);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), 22);
    assert_true(password_fits(verifier, slice_of(one)));
    assert_false(password_fits(verifier, slice_of(other)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password__fits_itself_and_nothing_else),
        cmocka_unit_test(test_password__has_a_length),
        cmocka_unit_test(test_password__of_chance_is_another_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
