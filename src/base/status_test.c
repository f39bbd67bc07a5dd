// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_status__every_class_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        const char *name = status_name((status)i);
        assert_non_null(name);
        assert_true(strlen(name) > 1);
        assert_int_equal(status_from_name(name), i);
    }
    assert_string_equal(status_name(STATUS_NOT_FOUND), "not_found");
    assert_string_equal(status_name(STATUS_COUNT), "unknown");
    assert_int_equal(status_from_name("unknown"), STATUS_COUNT);
    assert_int_equal(status_from_name(""), STATUS_COUNT);
}

static void test_status_exit_code__tells_every_class_apart(void **state) {
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_int_not_equal(status_exit_code((status)i), status_exit_code((status)k));
        }
        const int code = status_exit_code((status)i);
        assert_true((code >= 0 && code < 64) || code == 130);
    }
    assert_int_equal(status_exit_code(STATUS_OK), 0);
    assert_int_equal(status_exit_code(STATUS_INVALID), 2);
    assert_int_equal(status_exit_code(STATUS_INTERRUPTED), 130);
    assert_int_equal(status_exit_code(STATUS_COUNT), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__every_class_has_a_name_of_its_own),
        cmocka_unit_test(test_status_exit_code__tells_every_class_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
