// SPDX-License-Identifier: Apache-2.0
#include "hub/blob_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/file.h"
#include "platform/folder.h"
#include "platform/hash.h"

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

static char folder[64];
static struct blob_files files;

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-blobs-XXXXXX");
    return mkdtemp(folder) != NULL && blob_files_open(folder, &files, NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return folder_remove(folder, NULL) == STATUS_OK ? 0 : -1;
}

static struct id hash_of(const char *text) {
    return hash_128(slice_of(text), (struct slice){0});
}

static int64_t have(struct id hash, int64_t bytes) {
    int64_t found = -1;
    assert_int_equal(blob_files_have(&files, hash, bytes, &found, NULL), STATUS_OK);
    return found;
}

static void test_blob_files__gather_parts_and_give_a_whole_one_its_name(void **state) {
    (void)state;
    const struct id hash = hash_of("\x89PNG\r\n\x1a\nrest");
    const char *type = NULL;
    struct buffer out;
    assert_int_equal(have(hash, 12), 0);
    assert_int_equal(blob_files_add(&files, hash, 0, SLICE("\x89PNG\r\n"), NULL), STATUS_OK);
    assert_int_equal(have(hash, 12), 6);
    assert_int_equal(blob_files_add(&files, hash, 3, SLICE("x"), NULL), STATUS_CONFLICT);
    assert_false(blob_files_is_there(&files, hash));
    assert_int_equal(blob_files_add(&files, hash, 6, SLICE("\x1a\nrest"), NULL), STATUS_OK);
    assert_int_equal(blob_files_finish(&files, hash, &type, NULL), STATUS_OK);
    assert_string_equal(type, "image/png");
    assert_true(blob_files_is_there(&files, hash));
    assert_int_equal(have(hash, 12), 0);
    buffer_init(&out, 100);
    assert_int_equal(blob_files_read(&files, hash, 8, 3, &out, NULL), STATUS_OK);
    assert_true(slice_is(buffer_slice(&out), "res"));
    buffer_done(&out);
    blob_files_remove(&files, hash);
    blob_files_remove(&files, hash);
    assert_false(blob_files_is_there(&files, hash));
}

static void test_blob_files__what_is_not_what_its_hash_says_goes(void **state) {
    (void)state;
    const struct id hash = hash_of("hello");
    const char *type = NULL;
    struct error err;
    assert_int_equal(blob_files_add(&files, hash, 0, SLICE("hullo"), NULL), STATUS_OK);
    assert_int_equal(blob_files_finish(&files, hash, &type, &err), STATUS_CORRUPT);
    assert_false(blob_files_is_there(&files, hash));
    assert_int_equal(have(hash, 5), 0);
    assert_int_equal(blob_files_add(&files, hash, 0, SLICE("hello and more"), NULL), STATUS_OK);
    assert_int_equal(have(hash, 5), 0); /* longer than it may be: it begins anew */
}

static struct id kept[2];

static bool wants(void *owner, struct id hash, bool is_part) {
    (void)owner;
    return id_equal(hash, kept[is_part ? 1 : 0]);
}

static bool count(void *owner, const char *name) {
    (void)name;
    ++*(int *)owner;
    return true;
}

static void test_blob_files__a_sweep_leaves_what_is_wanted(void **state) {
    (void)state;
    char path[128];
    int left = 0;
    const char *type = NULL;
    kept[0] = hash_of("whole");
    kept[1] = hash_of("part");
    assert_int_equal(blob_files_add(&files, kept[0], 0, SLICE("whole"), NULL), STATUS_OK);
    assert_int_equal(blob_files_finish(&files, kept[0], &type, NULL), STATUS_OK);
    assert_int_equal(blob_files_add(&files, kept[1], 0, SLICE("pa"), NULL), STATUS_OK);
    assert_int_equal(blob_files_add(&files, hash_of("other"), 0, SLICE("o"), NULL), STATUS_OK);
    (void)snprintf(path, sizeof(path), "%s/blobs/strange", folder);
    assert_int_equal(file_replace(path, SLICE("x"), NULL), STATUS_OK);
    assert_int_equal(blob_files_sweep(&files, wants, NULL, NULL), STATUS_OK);
    assert_true(blob_files_is_there(&files, kept[0]));
    assert_int_equal(have(kept[1], 4), 2);
    assert_int_equal(file_list(files.folder, count, &left, NULL), STATUS_OK);
    assert_int_equal(left, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_blob_files__gather_parts_and_give_a_whole_one_its_name),
        TEST(test_blob_files__what_is_not_what_its_hash_says_goes),
        TEST(test_blob_files__a_sweep_leaves_what_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
