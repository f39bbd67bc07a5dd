// SPDX-License-Identifier: Apache-2.0
#include "hub/people/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_rights__are_words_and_back(void **state) {
    char text[RIGHTS_TEXT_BYTES];
    unsigned again = 0;
    struct error err;
    (void)state;
    for (unsigned rights = 1; rights < 16; rights++) {
        rights_write(rights, text);
        assert_int_equal(rights_read(slice_of(text), &again, &err), STATUS_OK);
        assert_int_equal(again, rights);
    }
    rights_write(15, text);
    assert_string_equal(text, "bring,read,operate,admin");
    assert_int_equal(rights_read(SLICE(" read , bring"), &again, &err), STATUS_OK);
    assert_int_equal(again, RIGHT_BRING | RIGHT_READ);
}

static void test_rights__other_words_are_refused(void **state) {
    static const char *const WRONG[] = {"", "reads", "read,", "read,,bring", "READ", "all"};
    unsigned rights = 0;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        const bool is_read = slice_is(SLICE("read,"), WRONG[i]); /* nothing stands behind it */
        assert_int_equal(rights_read(slice_of(WRONG[i]), &rights, &err),
                         is_read ? STATUS_OK : STATUS_INVALID);
    }
}

static void test_roles__have_more_and_more_rights(void **state) {
    struct error err;
    const struct caller otto = {.name = "otto", .rights = role_from_name(SLICE("operator"))};
    (void)state;
    assert_string_equal(role_name(ROLE_VIEWER), "viewer");
    assert_string_equal(role_name(RIGHT_BRING), "none");
    assert_int_equal(role_from_name(SLICE("king")), 0);
    assert_int_equal(caller_needs(&otto, RIGHT_READ, &err), STATUS_OK);
    assert_int_equal(caller_needs(&otto, RIGHT_OPERATE, &err), STATUS_OK);
    assert_int_equal(caller_needs(&otto, RIGHT_ADMIN, &err), STATUS_DENIED);
    assert_non_null(strstr(err.text, "'otto' may not"));
    assert_non_null(strstr(err.text, "admins have"));
}

static void test_callers__of_no_name_are_null(void **state) {
    struct buffer out;
    const struct caller nobody = {.rights = 0};
    const struct caller anna = {.name = "an\"na", .rights = ROLE_VIEWER, .must_change = true};
    (void)state;
    buffer_init(&out, 4096);
    caller_write(&nobody, &out);
    assert_true(slice_is(buffer_slice(&out), "{\"name\":null,\"role\":\"none\",\"may\":[],"
                                             "\"must_change\":false}\n"));
    buffer_clear(&out);
    caller_write(&anna, &out);
    assert_true(slice_is(buffer_slice(&out),
                         "{\"name\":\"an\\\"na\",\"role\":\"viewer\",\"may\":[\"read\"],"
                         "\"must_change\":true}\n"));
    buffer_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rights__are_words_and_back),
        cmocka_unit_test(test_rights__other_words_are_refused),
        cmocka_unit_test(test_roles__have_more_and_more_rights),
        cmocka_unit_test(test_callers__of_no_name_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
