// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* cmocka's: this file is about ours */

#include <errno.h>
#include <string.h>

static void test_fail__writes_class_and_sentence(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(fail(&err, STATUS_INVALID, "step '%s' has no agent", "a"), STATUS_INVALID);
    assert_int_equal(err.code, STATUS_INVALID);
    assert_string_equal(err.text, "step 'a' has no agent");
    assert_int_equal(fail(NULL, STATUS_BUSY, "nobody listens"), STATUS_BUSY);
}

static void test_fail__cuts_and_never_overruns(void **state) {
    (void)state;
    struct {
        struct error err;
        char guard[8];
    } room = {.guard = "guard"};
    (void)fail(&room.err, STATUS_INVALID, "%2000d", 1);
    assert_int_equal(strlen(room.err.text), ERROR_TEXT_MAX - 1);
    (void)fail_while(&room.err, "%600d", 2);
    assert_int_equal(strlen(room.err.text), ERROR_TEXT_MAX - 1);
    (void)fail_errno(&room.err, ENOSPC, "%600d", 3);
    assert_int_equal(strlen(room.err.text), ERROR_TEXT_MAX - 1);
    assert_string_equal(room.guard, "guard");
}

static void test_fail__may_quote_the_sentence_that_is_there(void **state) {
    (void)state;
    struct error err = {0};
    (void)fail(&err, STATUS_INVALID, "no such file");
    (void)fail(&err, STATUS_CORRUPT, "tried twice: %s", err.text);
    assert_string_equal(err.text, "tried twice: no such file");
}

static void test_fail_while__puts_what_was_done_in_front(void **state) {
    (void)state;
    struct error err = {0};
    (void)fail(&err, STATUS_NOT_FOUND, "no such file");
    assert_int_equal(fail_while(&err, "open model"), STATUS_NOT_FOUND);
    assert_int_equal(fail_while(&err, "install agent '%s'", "spam"), STATUS_NOT_FOUND);
    assert_string_equal(err.text, "install agent 'spam': open model: no such file");
    assert_int_equal(fail_while(NULL, "anything"), STATUS_SYSTEM);
}

static void test_fail_errno__names_the_class_by_what_to_do_next(void **state) {
    (void)state;
    static const struct {
        int number;
        status code;
    } CLASSES[] = {{ENOSPC, STATUS_FULL},      {EDQUOT, STATUS_FULL},  {ENOENT, STATUS_NOT_FOUND},
                   {EACCES, STATUS_DENIED},    {EPERM, STATUS_DENIED}, {EROFS, STATUS_DENIED},
                   {ENOMEM, STATUS_NO_MEMORY}, {EIO, STATUS_SYSTEM}};
    for (size_t i = 0; i < sizeof(CLASSES) / sizeof(CLASSES[0]); i++) {
        struct error err = {0};
        assert_int_equal(fail_errno(&err, CLASSES[i].number, "write"), CLASSES[i].code);
        assert_int_equal(err.code, CLASSES[i].code);
        assert_non_null(strstr(err.text, "write: "));
        assert_non_null(strstr(err.text, strerror(CLASSES[i].number)));
        assert_int_equal(fail_errno(NULL, CLASSES[i].number, "write"), CLASSES[i].code);
    }
}

static status try_it(status first, int *reached) {
    TRY(first);
    (*reached)++;
    return STATUS_OK;
}

static void test_try__leaves_the_function_on_failure_only(void **state) {
    (void)state;
    int reached = 0;
    assert_int_equal(try_it(STATUS_BUSY, &reached), STATUS_BUSY);
    assert_int_equal(reached, 0);
    assert_int_equal(try_it(STATUS_OK, &reached), STATUS_OK);
    assert_int_equal(reached, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail__writes_class_and_sentence),
        cmocka_unit_test(test_fail__cuts_and_never_overruns),
        cmocka_unit_test(test_fail__may_quote_the_sentence_that_is_there),
        cmocka_unit_test(test_fail_while__puts_what_was_done_in_front),
        cmocka_unit_test(test_fail_errno__names_the_class_by_what_to_do_next),
        cmocka_unit_test(test_try__leaves_the_function_on_failure_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
