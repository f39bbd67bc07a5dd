// SPDX-License-Identifier: Apache-2.0
#include "platform/key_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/certificate.h"
#include "platform/file.h"
#include "platform/secret.h"

static char folder[64], path[80];
static struct buffer key;

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-key-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/key.pem", folder);
    buffer_init(&key, CERTIFICATE_KEY_BYTES_MAX);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    secret_forget(&key);
    (void)unlink(path);
    return rmdir(folder);
}

static void assert_refused(status code, const char *words) {
    struct error err = {.code = STATUS_OK};
    assert_int_equal(key_file_read(path, &key, &err), code);
    assert_non_null(strstr(err.text, words));
}

static void test_key_file__what_is_made_is_read_and_is_the_owners_alone(void **state) {
    (void)state;
    struct stat facts;
    struct digest made, found;
    assert_int_equal(key_file_make(path, &key, NULL), STATUS_OK);
    assert_int_equal(certificate_key_digest(buffer_slice(&key), &made, NULL), STATUS_OK);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(key_file_read(path, &key, NULL), STATUS_OK);
    assert_int_equal(certificate_key_digest(buffer_slice(&key), &found, NULL), STATUS_OK);
    assert_true(digest_equal(made, found));
}

static void test_key_file__what_others_may_read_is_refused(void **state) {
    (void)state;
    assert_int_equal(key_file_make(path, &key, NULL), STATUS_OK);
    assert_int_equal(chmod(path, 0640), 0);
    assert_refused(STATUS_DENIED, "is open to others: chmod 600 ");
}

static void test_key_file__what_is_no_key_is_refused(void **state) {
    (void)state;
    assert_refused(STATUS_NOT_FOUND, "look at the key ");
    assert_int_equal(file_replace_private(path, SLICE("a shopping list\n"), NULL), STATUS_OK);
    assert_refused(STATUS_CORRUPT, "is no key");
}

#define TEST_KEY_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_KEY_FILE(test_key_file__what_is_made_is_read_and_is_the_owners_alone),
        TEST_KEY_FILE(test_key_file__what_others_may_read_is_refused),
        TEST_KEY_FILE(test_key_file__what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
