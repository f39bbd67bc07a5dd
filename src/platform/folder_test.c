// SPDX-License-Identifier: Apache-2.0
#include "platform/folder.h"

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

#include "platform/file.h"

static char place[] = "/tmp/ebb-folder-XXXXXX";

static const char *at(char path[256], const char *name) {
    (void)snprintf(path, 256, "%s/%s", place, name);
    return path;
}

static void put(const char *name, const char *text) {
    char path[256];
    char folder[256];
    struct error err;
    (void)snprintf(folder, sizeof(folder), "%s", at(path, name));
    *strrchr(folder, '/') = '\0';
    assert_int_equal(file_make_folder(folder, &err), STATUS_OK);
    assert_int_equal(file_replace(path, slice_of(text), &err), STATUS_OK);
}

static void assert_holds(const char *name, const char *text) {
    char path[256];
    struct error err;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, 1000);
    assert_int_equal(file_read(at(path, name), &bytes, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&bytes), text));
}

static bool is_there(const char *name) {
    char path[256];
    return access(at(path, name), F_OK) == 0;
}

static int make_place(void **state) {
    (void)state;
    (void)strcpy(place, "/tmp/ebb-folder-XXXXXX");
    return mkdtemp(place) == NULL;
}

static int end_place(void **state) {
    (void)state;
    struct error err;
    return folder_remove(place, &err) == STATUS_OK ? 0 : 1;
}

static void test_folder__copies_files_folders_and_rights(void **state) {
    (void)state;
    struct error err;
    char from[256];
    char to[256];
    struct stat facts;
    put("from/a", "one");
    put("from/deep/er/b", "two");
    assert_int_equal(chmod(at(from, "from/a"), 0755), 0);
    assert_int_equal(folder_copy(at(from, "from"), at(to, "new/to"), NULL, &err), STATUS_OK);
    assert_holds("new/to/a", "one");
    assert_holds("new/to/deep/er/b", "two");
    assert_int_equal(stat(at(to, "new/to/a"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0755);
    struct stat original;
    assert_int_equal(stat(at(from, "from/a"), &original), 0);
    assert_memory_equal(&facts.st_mtim, &original.st_mtim, sizeof(facts.st_mtim));
}

static void test_folder__what_ends_so_is_left_out(void **state) {
    (void)state;
    struct error err;
    char from[256];
    char to[256];
    struct stat facts;
    put("parts/a.onnx", "one");
    put("parts/deep/a.compiled.onnx", "two");
    put("parts/deep/b", "three");
    assert_int_equal(folder_copy(at(from, "parts"), at(to, "some"), ".compiled.onnx", &err),
                     STATUS_OK);
    assert_holds("some/a.onnx", "one");
    assert_holds("some/deep/b", "three");
    assert_int_not_equal(stat(at(to, "some/deep/a.compiled.onnx"), &facts), 0);
}

static void test_folder__copies_neither_pipes_nor_without_bound(void **state) {
    (void)state;
    struct error err;
    char from[256];
    char to[256];
    put("pipe/a", "one");
    assert_int_equal(mkfifo(at(from, "pipe/b"), 0600), 0);
    assert_int_equal(folder_copy(at(from, "pipe"), at(to, "to"), NULL, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "pipe/b"));

    put("deep/1/2/3/4/5/6/7/8/a", "nine");
    assert_int_equal(folder_copy(at(from, "deep"), at(to, "to-deep"), NULL, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "too deep"));

    put("large/a", "");
    assert_int_equal(truncate(at(from, "large/a"), FOLDER_BYTES_MAX / 2), 0);
    put("large/b/a", "");
    assert_int_equal(truncate(at(from, "large/b/a"), FOLDER_BYTES_MAX / 2 + 1), 0);
    assert_int_equal(folder_copy(at(from, "large"), at(to, "to-large"), NULL, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "64 MiB"));
}

static void test_folder__a_file_alone_is_no_folder(void **state) {
    (void)state;
    struct error err;
    char from[256];
    char to[256];
    put("from/a", "one");
    assert_int_equal(folder_copy_file(at(from, "from/a"), at(to, "b"), &err), STATUS_OK);
    assert_holds("b", "one");
    assert_int_equal(folder_copy_file(at(from, "from"), at(to, "c"), &err), STATUS_INVALID);
    assert_int_equal(folder_copy_file(at(from, "none"), at(to, "c"), &err), STATUS_NOT_FOUND);
    assert_false(is_there("c"));
}

static void test_folder__exchanges_the_new_for_the_old_and_back(void **state) {
    (void)state;
    struct error err;
    char fresh[256];
    char path[256];
    put(".new/a", "new");
    assert_int_equal(folder_exchange(at(fresh, ".new"), at(path, "at"), &err), STATUS_OK);
    assert_holds("at/a", "new");
    assert_false(is_there(".new"));

    put(".new/a", "newer");
    assert_int_equal(folder_exchange(fresh, path, &err), STATUS_OK);
    assert_holds("at/a", "newer");
    assert_holds(".new/a", "new");
    assert_int_equal(folder_exchange(fresh, path, &err), STATUS_OK);
    assert_holds("at/a", "new");

    assert_int_equal(folder_exchange(at(fresh, "none"), path, &err), STATUS_NOT_FOUND);
    assert_holds("at/a", "new");
}

static void test_folder__joins_two_and_writes_nothing_over(void **state) {
    (void)state;
    struct error err;
    char from[256];
    char to[256];
    put("from/a", "from");
    put("from/both", "from");
    put("from/deep/a", "from");
    put("from/deep/both", "from");
    put("to/both", "to");
    put("to/deep/both", "to");
    assert_int_equal(folder_join(at(from, "from"), at(to, "to"), &err), STATUS_OK);
    assert_holds("to/a", "from");
    assert_holds("to/deep/a", "from");
    assert_holds("to/both", "to");
    assert_holds("to/deep/both", "to");
    assert_holds("from/both", "from");
    assert_false(is_there("from/a"));
    put("to/empty/a", "to");
    put("from/empty/b", "from");
    assert_int_equal(folder_join(from, to, &err), STATUS_OK);
    assert_false(is_there("from/empty"));
    assert_int_equal(folder_join(at(from, "none"), to, &err), STATUS_NOT_FOUND);
}

static void test_folder__removes_links_and_not_what_they_lead_to(void **state) {
    (void)state;
    struct error err;
    char path[256];
    char link[256];
    put("kept/a", "one");
    put("gone/deep/b", "two");
    assert_int_equal(symlink(at(path, "kept"), at(link, "gone/link")), 0);
    assert_int_equal(folder_remove(at(path, "gone"), &err), STATUS_OK);
    assert_false(is_there("gone"));
    assert_holds("kept/a", "one");
    assert_int_equal(folder_remove(path, &err), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folder__copies_files_folders_and_rights, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_folder__what_ends_so_is_left_out, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_folder__copies_neither_pipes_nor_without_bound,
                                        make_place, end_place),
        cmocka_unit_test_setup_teardown(test_folder__a_file_alone_is_no_folder, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_folder__exchanges_the_new_for_the_old_and_back,
                                        make_place, end_place),
        cmocka_unit_test_setup_teardown(test_folder__joins_two_and_writes_nothing_over, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_folder__removes_links_and_not_what_they_lead_to,
                                        make_place, end_place),
    };
    return cmocka_run_group_tests_name("platform/folder", tests, NULL, NULL);
}
