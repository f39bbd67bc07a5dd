// SPDX-License-Identifier: Apache-2.0
#include "platform/http_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/secret.h"

static char folder[64];

static int set_up(void **state) {
    (void)state;
    (void)strcpy(folder, "/tmp/ebb-headers-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    secret_use_folder(folder);
    struct error err;
    return secret_write(SLICE("token"), SLICE("abc 123\n"), &err) == STATUS_OK &&
                   secret_write(SLICE("lines"), SLICE("a\r\nX-Other: b"), &err) == STATUS_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    struct error err;
    (void)secret_remove(SLICE("token"), &err);
    (void)secret_remove(SLICE("lines"), &err);
    return rmdir(folder);
}

static void test_http_headers__a_secret_stands_behind_its_text(void **state) {
    (void)state;
    struct error err = {0};
    CLEANUP(http_headers_done) struct http_headers headers = {0};
    assert_int_equal(
        http_headers_add(&headers, SLICE("Authorization: Bearer "), SLICE("token"), &err),
        STATUS_OK);
    assert_int_equal(http_headers_add(&headers, SLICE("X-Room: a"), (struct slice){0}, &err),
                     STATUS_OK);
    assert_string_equal(headers.list[0], "Authorization: Bearer abc 123");
    assert_string_equal(headers.list[1], "X-Room: a");
    assert_null(headers.list[2]);
}

static void test_http_headers__what_is_no_line_or_no_secret_is_refused(void **state) {
    (void)state;
    struct error err = {0};
    CLEANUP(http_headers_done) struct http_headers headers = {0};
    assert_int_equal(http_headers_add(&headers, SLICE("A: "), SLICE("lines"), &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "'lines'"));
    assert_null(strstr(err.text, "X-Other"));
    assert_int_equal(http_headers_add(&headers, SLICE("A: "), SLICE("nobody"), &err),
                     STATUS_NOT_FOUND);
}

int main(void) {
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_http_headers__a_secret_stands_behind_its_text),
        FOLDER_TEST(test_http_headers__what_is_no_line_or_no_secret_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
