// SPDX-License-Identifier: Apache-2.0
#include "platform/blob_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/file.h"

static char folder[64];
static char path[96];
static char other[96];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/blob_file_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a", folder);
    (void)snprintf(other, sizeof(other), "%s/b", folder);
    return file_replace(path, SLICE("sound"), NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    (void)unlink(other);
    return rmdir(folder);
}

static void test_blob_file__is_read_when_it_is_opened(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct slice bytes;
    assert_int_equal(blob_of_file(path, SLICE("audio/wav"), &blob, NULL), STATUS_OK);
    assert_int_equal(blob_count(blob), 5);
    assert_string_equal(blob_file_path(blob), path);
    assert_int_equal(blob_open(blob, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "sound"));
    blob_release(blob);
}

static void test_blob_file__that_was_changed_since_is_not_read(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct slice bytes;
    struct error err;
    char wanted[160];
    assert_int_equal(blob_of_file(path, SLICE("a"), &blob, NULL), STATUS_OK);
    assert_int_equal(file_replace(path, SLICE("noise"), NULL), STATUS_OK);
    assert_int_equal(blob_open(blob, &bytes, &err), STATUS_INVALID);
    (void)snprintf(wanted, sizeof(wanted), "'%s' was changed before it was read", path);
    assert_string_equal(err.text, wanted);
    assert_int_equal(blob_file_link(blob, other, &err), STATUS_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(blob_open(blob, &bytes, &err), STATUS_NOT_FOUND);
    blob_release(blob);
    assert_int_equal(blob_of_file(path, SLICE("a"), &blob, &err), STATUS_NOT_FOUND);
    assert_int_equal(blob_of_file(folder, SLICE("a"), &blob, &err), STATUS_INVALID);
}

static void test_blob_file__is_handed_over_as_a_descriptor(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct blob *bytes = NULL;
    struct error err;
    char read_back[8] = "";
    int descriptor = -1;
    int again = -1;
    assert_int_equal(blob_of_file(path, SLICE("a"), &blob, NULL), STATUS_OK);
    assert_int_equal(blob_file_open(blob, &descriptor, &err), STATUS_OK);
    assert_int_equal(blob_file_open(blob, &again, &err), STATUS_OK);
    for (int i = 0; i < 2; i++) { /* each from its own start */
        assert_int_equal(read(i == 0 ? descriptor : again, read_back, sizeof(read_back)), 5);
        assert_memory_equal(read_back, "sound", 5);
    }
    assert_int_equal(fcntl(descriptor, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
    assert_int_equal(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
    assert_int_equal(close(descriptor), 0);
    assert_int_equal(close(again), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(blob_file_open(blob, &descriptor, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "was changed before it was handed over"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(blob_file_open(blob, &descriptor, &err), STATUS_NOT_FOUND);
    blob_release(blob);
    assert_int_equal(blob_copy(SLICE("a"), SLICE("x"), &bytes, NULL), STATUS_OK);
    assert_int_equal(blob_file_open(bytes, &descriptor, &err), STATUS_INVALID);
    blob_release(bytes);
}

static void assert_file(const char *name, const char *text) {
    struct buffer content;
    buffer_init(&content, 100);
    assert_int_equal(file_read(name, &content, NULL), STATUS_OK);
    assert_true(slice_is(buffer_slice(&content), text));
    buffer_done(&content);
}

static void test_blob_file_link__gives_the_bytes_a_second_name(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct file_facts facts[2];
    assert_int_equal(blob_of_file(path, SLICE("a"), &blob, NULL), STATUS_OK);
    assert_int_equal(blob_file_link(blob, other, NULL), STATUS_OK);
    assert_int_equal(file_facts(path, &facts[0], NULL), STATUS_OK);
    assert_int_equal(file_facts(other, &facts[1], NULL), STATUS_OK);
    assert_int_equal(facts[0].inode, facts[1].inode);
    assert_file(other, "sound");
    blob_release(blob);

    assert_int_equal(unlink(other), 0);
    assert_int_equal(blob_copy(SLICE("a"), SLICE("made"), &blob, NULL), STATUS_OK);
    assert_null(blob_file_path(blob));
    assert_int_equal(blob_file_link(blob, other, NULL), STATUS_OK);
    assert_file(other, "made");
    blob_release(blob);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blob_file__is_handed_over_as_a_descriptor, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_file__is_read_when_it_is_opened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_file__that_was_changed_since_is_not_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_file_link__gives_the_bytes_a_second_name, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
