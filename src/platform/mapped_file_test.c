// SPDX-License-Identifier: Apache-2.0
#include "platform/mapped_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/file.h"

enum { PATH_BYTES = 128, LARGE_BYTES = 300001 };

static char home[64];
static char path[PATH_BYTES];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-mapped-XXXXXX");
    if (mkdtemp(home) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/file", home);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    return rmdir(home);
}

static void test_mapped_file__holds_the_whole_file(void **state) {
    (void)state;
    static char large[LARGE_BYTES];
    for (size_t i = 0; i < sizeof(large); i++) {
        large[i] = (char)(i * 7);
    }
    const struct slice bytes = {.bytes = large, .count = sizeof(large)};
    struct mapped_file file;
    assert_int_equal(file_replace(path, bytes, NULL), STATUS_OK);
    assert_int_equal(mapped_file_open(path, &file, NULL), STATUS_OK);
    assert_true(slice_equal(file.bytes, bytes));
    mapped_file_close(&file);
    assert_null(file.bytes.bytes);
    mapped_file_close(&file);
}

/* Who replaces a file, as ebb does, leaves the one that is mapped alone. */
static void test_mapped_file__stays_when_the_file_is_replaced_or_removed(void **state) {
    (void)state;
    struct mapped_file file;
    assert_int_equal(file_replace(path, SLICE("before"), NULL), STATUS_OK);
    assert_int_equal(mapped_file_open(path, &file, NULL), STATUS_OK);
    assert_int_equal(file_replace(path, SLICE("x"), NULL), STATUS_OK);
    assert_true(slice_is(file.bytes, "before"));
    assert_int_equal(file_remove(path, NULL), STATUS_OK);
    assert_true(slice_is(file.bytes, "before"));
    mapped_file_close(&file);
}

static void test_mapped_file__of_an_empty_file_is_the_empty_slice(void **state) {
    (void)state;
    struct mapped_file file = {.bytes = SLICE("old")};
    assert_int_equal(file_replace(path, SLICE(""), NULL), STATUS_OK);
    assert_int_equal(mapped_file_open(path, &file, NULL), STATUS_OK);
    assert_int_equal(file.bytes.count, 0);
    mapped_file_close(&file);
}

static void test_mapped_file__refuses_what_is_no_file(void **state) {
    (void)state;
    struct mapped_file file;
    struct error err = {0};
    assert_int_equal(mapped_file_open(path, &file, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(mapped_file_open(home, &file, &err), STATUS_INVALID);
    assert_int_equal(mapped_file_open("/dev/zero", &file, &err), STATUS_INVALID);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes into it: it must not wait */
    assert_int_equal(mapped_file_open(path, &file, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "is no file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mapped_file__holds_the_whole_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_mapped_file__stays_when_the_file_is_replaced_or_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mapped_file__of_an_empty_file_is_the_empty_slice,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mapped_file__refuses_what_is_no_file, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("mapped_file", tests, NULL, NULL);
}
