// SPDX-License-Identifier: Apache-2.0
#include "platform/http_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

static void test_http_error__each_class_has_a_code(void **state) {
    (void)state;
    assert_int_equal(http_error_code(STATUS_OK), 200);
    assert_int_equal(http_error_code(STATUS_INVALID), 400);
    assert_int_equal(http_error_code(STATUS_DENIED), 403);
    assert_int_equal(http_error_code(STATUS_NOT_FOUND), 404);
    assert_int_equal(http_error_code(STATUS_CONFLICT), 409);
    assert_int_equal(http_error_code(STATUS_OFFLINE), 503);
    assert_int_equal(http_error_code(STATUS_FULL), 507);
    assert_int_equal(http_error_code(STATUS_SYSTEM), 500);
}

static void test_http_error__is_written_as_json(void **state) {
    (void)state;
    const struct error err = {.code = STATUS_FULL, .text = "no \"room\""};
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, 1024);
    http_error_write(&err, &json);
    assert_true(slice_is(buffer_slice(&json),
                         "{\"error\":{\"class\":\"full\",\"text\":\"no \\\"room\\\"\"}}\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_error__each_class_has_a_code),
        cmocka_unit_test(test_http_error__is_written_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
