// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/child_environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/secret.h"

static char folder[64];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-secrets-XXXXXX");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    secret_use_folder(folder);
    return secret_write(SLICE("desk"), SLICE("open sesame\n"), NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command); /* NOLINT: a folder of our own */
}

static void test_child_environment__holds_secrets_in_place_of_their_names(void **state) {
    (void)state;
    static const char *const entries[] = {"PATH=/bin", "KEY=secret:desk", "PLAIN=a=b",
                                          "AGAIN=secret:desk", NULL};
    struct child_environment environment = {0};
    assert_int_equal(child_environment_open(entries, &environment, NULL), STATUS_OK);
    assert_ptr_equal(environment.entries[0], entries[0]);
    assert_string_equal(environment.entries[1], "KEY=open sesame");
    assert_string_equal(environment.entries[2], "PLAIN=a=b");
    assert_string_equal(environment.entries[3], "AGAIN=open sesame");
    assert_null(environment.entries[4]);
    child_environment_close(&environment);
    assert_null(environment.entries);
    child_environment_close(&environment);
}

static void test_child_environment__is_not_made_without_a_secret(void **state) {
    (void)state;
    static const char *const entries[] = {"KEY=secret:desk", "OTHER=secret:nowhere", NULL};
    struct child_environment environment = {0};
    struct error err = {.code = STATUS_OK};
    assert_int_equal(child_environment_open(entries, &environment, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "no secret 'nowhere': `ebb secret set nowhere"));
    assert_null(environment.entries);
}

static void test_child_environment__refuses_a_secret_with_a_zero_byte(void **state) {
    (void)state;
    static const char *const entries[] = {"KEY=secret:binary", NULL};
    const struct slice bytes = {.bytes = "a\0b", .count = 3};
    struct child_environment environment = {0};
    struct error err = {.code = STATUS_OK};
    assert_int_equal(secret_write(SLICE("binary"), bytes, NULL), STATUS_OK);
    assert_int_equal(child_environment_open(entries, &environment, &err), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_environment__holds_secrets_in_place_of_their_names),
        cmocka_unit_test(test_child_environment__is_not_made_without_a_secret),
        cmocka_unit_test(test_child_environment__refuses_a_secret_with_a_zero_byte),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
