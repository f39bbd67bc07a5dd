// SPDX-License-Identifier: Apache-2.0
#include "platform/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/file.h"

enum { PATH_BYTES = 300 };

/* Two folders: ours, and one as systemd makes it. */
static char folder[64], credentials[64];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-secrets-XXXXXX");
    (void)snprintf(credentials, sizeof(credentials), "/tmp/ebb-credentials-XXXXXX");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    (void)unsetenv("EBB__SECRETS__PATH");
    if (mkdtemp(folder) == NULL || mkdtemp(credentials) == NULL) {
        return -1;
    }
    secret_use_folder(folder);
    return 0;
}

static int tear_down(void **state) {
    char command[PATH_BYTES];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s %s", folder, credentials);
    return system(command); /* NOLINT: folders of our own */
}

static void put(const char *in, const char *name, const char *text, mode_t mode) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", in, name);
    assert_int_equal(file_replace(path, slice_of(text), NULL), STATUS_OK);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_secret(const char *name, const char *expected) {
    struct error err = {.code = STATUS_OK};
    struct buffer secret;
    buffer_init(&secret, SECRET_BYTES_MAX);
    assert_int_equal(secret_read(slice_of(name), &secret, &err), STATUS_OK);
    buffer_add_byte(&secret, '\0');
    assert_string_equal(secret.bytes, expected);
    secret_forget(&secret);
}

static void assert_refused(const char *name, status code, const char *sentence) {
    struct error err = {.code = STATUS_OK};
    struct buffer secret;
    buffer_init(&secret, SECRET_BYTES_MAX);
    assert_int_equal(secret_read(slice_of(name), &secret, &err), code);
    if (strstr(err.text, sentence) == NULL) {
        print_error("%s\n", err.text);
    }
    assert_non_null(strstr(err.text, sentence));
    assert_int_equal(secret.count, 0);
    secret_forget(&secret);
}

static void test_secret__is_read_without_the_end_of_its_line(void **state) {
    (void)state;
    put(folder, "plain", "open sesame\n", 0600);
    put(folder, "dos", "open sesame\r\n", 0400);
    put(folder, "lines", "one\ntwo\n\n", 0600);
    assert_secret("plain", "open sesame");
    assert_secret("dos", "open sesame");
    assert_secret("lines", "one\ntwo\n");
}

static void test_secret__that_is_missing_says_how_to_make_it(void **state) {
    (void)state;
    char sentence[PATH_BYTES];
    (void)snprintf(sentence, sizeof(sentence),
                   "no secret 'desk-hmac': `ebb secret set desk-hmac --folder %s`", folder);
    assert_refused("desk-hmac", STATUS_NOT_FOUND, sentence);
}

static void test_secret__that_others_may_read_is_refused(void **state) {
    (void)state;
    put(folder, "open", "hidden words", 0640);
    assert_refused("open", STATUS_DENIED, "secret 'open' is readable by others: chmod 600 ");
    put(folder, "written", "hidden words", 0622);
    assert_refused("written", STATUS_DENIED, "chmod 600");
}

static void test_secret__is_never_said_in_an_error(void **state) {
    (void)state;
    struct error err = {.code = STATUS_OK};
    struct buffer small;
    put(folder, "long", "hidden words", 0600);
    buffer_init(&small, 4);
    assert_int_equal(secret_read(SLICE("long"), &small, &err), STATUS_FULL);
    assert_null(strstr(err.text, "hidden"));
    secret_forget(&small);
}

static void test_secret__with_a_wrong_name_or_without_bytes_is_refused(void **state) {
    (void)state;
    put(folder, "empty", "\n", 0600);
    assert_refused("empty", STATUS_INVALID, "secret 'empty' is empty");
    assert_refused("../passwd", STATUS_INVALID, "is no name of a secret");
    assert_refused("", STATUS_INVALID, "is no name of a secret");
}

static void test_secret__of_systemd_comes_first(void **state) {
    (void)state;
    put(folder, "key", "ours", 0600);
    put(credentials, "key", "theirs", 0440);
    put(credentials, "loose", "theirs", 0444);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
    assert_secret("key", "theirs");
    assert_refused("loose", STATUS_DENIED, "readable by others");
}

static void test_secret__lies_where_the_environment_says(void **state) {
    (void)state;
    char found[SECRET_PATH_BYTES_MAX];
    put(credentials, "key", "elsewhere", 0600);
    put(folder, "key", "here", 0600);
    assert_int_equal(setenv("EBB__SECRETS__PATH", credentials, 1), 0);
    assert_secret("key", "here"); /* it was said on the command line */
    secret_use_folder("");
    assert_secret("key", "elsewhere");
    secret_use_folder_beside("/etc/ebb/device.yaml");
    assert_secret("key", "elsewhere");
    secret_folder(found);
    assert_string_equal(found, credentials);
    assert_int_equal(unsetenv("EBB__SECRETS__PATH"), 0);
    secret_use_folder_beside("device.yaml");
    secret_folder(found);
    assert_string_equal(found, "secrets");
    secret_use_folder_beside("/etc/ebb/device.yaml");
    secret_folder(found);
    assert_string_equal(found, "/etc/ebb/secrets");
}

static void test_secret__is_written_for_its_owner_alone(void **state) {
    (void)state;
    char path[PATH_BYTES];
    char deep[PATH_BYTES / 2];
    struct stat facts;
    struct error err = {.code = STATUS_OK};
    (void)snprintf(deep, sizeof(deep), "%s/a/secrets", folder);
    secret_use_folder(deep);
    assert_int_equal(secret_write(SLICE("key"), SLICE("one"), &err), STATUS_OK);
    assert_secret("key", "one");
    (void)snprintf(path, sizeof(path), "%s/key", deep);
    assert_int_equal(stat(deep, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(secret_write(SLICE("key"), SLICE("two"), &err), STATUS_OK);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_secret("key", "two");
    assert_int_equal(secret_write(SLICE("key"), SLICE(""), &err), STATUS_INVALID);
    assert_int_equal(secret_remove(SLICE("key"), &err), STATUS_OK);
    assert_int_equal(secret_remove(SLICE("key"), &err), STATUS_NOT_FOUND);
}

static void note(void *owner, const struct secret_entry *entry) {
    buffer_print(owner, "%s %s %s\n", entry->name, entry->of_system ? "system" : "ours",
                 entry->fault != NULL ? entry->fault : "fine");
}

static void test_secrets__are_listed_with_what_is_wrong_with_them(void **state) {
    (void)state;
    struct buffer list;
    buffer_init(&list, 4096);
    put(folder, "b", "x", 0600);
    put(folder, "a", "x", 0644);
    put(folder, "c", "", 0600);
    put(folder, "No-Name", "x", 0600);
    put(credentials, "z", "x", 0400);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
    assert_int_equal(secret_each(note, &list, NULL), STATUS_OK);
    buffer_add_byte(&list, '\0');
    assert_string_equal(list.bytes,
                        "z system fine\na ours readable by others\nb ours fine\nc ours empty\n");
    buffer_done(&list);
}

static void test_secret_named__takes_what_begins_with_the_word(void **state) {
    (void)state;
    struct slice name = {0};
    assert_true(secret_named(SLICE("secret:desk"), &name));
    assert_true(slice_is(name, "desk"));
    assert_false(secret_named(SLICE("my secret:desk"), &name));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define SECRET_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        SECRET_TEST(test_secret__is_read_without_the_end_of_its_line),
        SECRET_TEST(test_secret__that_is_missing_says_how_to_make_it),
        SECRET_TEST(test_secret__that_others_may_read_is_refused),
        SECRET_TEST(test_secret__is_never_said_in_an_error),
        SECRET_TEST(test_secret__with_a_wrong_name_or_without_bytes_is_refused),
        SECRET_TEST(test_secret__of_systemd_comes_first),
        SECRET_TEST(test_secret__lies_where_the_environment_says),
        SECRET_TEST(test_secret__is_written_for_its_owner_alone),
        SECRET_TEST(test_secrets__are_listed_with_what_is_wrong_with_them),
        SECRET_TEST(test_secret_named__takes_what_begins_with_the_word),
#undef SECRET_TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
