// SPDX-License-Identifier: Apache-2.0
#include "platform/line_file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "platform/file.h"

static char folder[64], path[96], old_path[100];

static int set_up(void **state) {
    (void)state;
    (void)strcpy(folder, "/tmp/ebb-lines-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/results", folder);
    (void)snprintf(old_path, sizeof old_path, "%s.1", path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    (void)unlink(old_path);
    return rmdir(folder);
}

static void write_file(const char *text) {
    struct error err;
    assert_int_equal(file_replace(path, slice_of(text), &err), STATUS_OK);
}

static void assert_file(const char *at, const char *text) {
    struct error err;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, 32 << 20);
    assert_int_equal(file_read(at, &bytes, &err), STATUS_OK);
    buffer_add_byte(&bytes, 0);
    assert_string_equal(bytes.bytes, text);
}

static void open_good(struct line_file *file) {
    struct error err = {0};
    if (line_file_open(path, file, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void test_line_file__grows_by_whole_lines(void **state) {
    (void)state;
    struct line_file file;
    struct error err;
    open_good(&file);
    assert_string_equal(file.last, "");
    assert_int_equal(line_file_append(&file, SLICE("one\ntwo\n"), &err), STATUS_OK);
    line_file_close(&file);
    open_good(&file);
    assert_string_equal(file.last, "two");
    assert_int_equal(line_file_append(&file, SLICE("three\n"), &err), STATUS_OK);
    assert_int_equal(file.bytes, 14);
    line_file_close(&file);
    assert_file(path, "one\ntwo\nthree\n");
}

static void test_line_file__a_line_that_is_not_whole_is_cut_off(void **state) {
    (void)state;
    static const char *const files[][3] = {{"one\ntwo\nthr", "one\ntwo\n", "two"},
                                           {"thr", "", ""},
                                           {"one\n", "one\n", "one"},
                                           {"\n\nx", "\n\n", ""},
                                           {"", "", ""}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct line_file file;
        write_file(files[i][0]);
        open_good(&file);
        assert_string_equal(file.last, files[i][2]);
        line_file_close(&file);
        assert_file(path, files[i][1]);
    }
}

static void test_line_file__a_long_last_line_is_known_by_its_beginning(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 32 << 20);
    buffer_print(&text, "first\n{\"id\":\"7\"%0*d}\n", 1 << 20, 0);
    buffer_add_byte(&text, 0);
    write_file(text.bytes);
    struct line_file file;
    open_good(&file);
    assert_true(strncmp(file.last, "{\"id\":\"7\"0", 10) == 0);
    assert_int_equal(strlen(file.last), LINE_FILE_START_BYTES);
    line_file_close(&file);
}

static void test_line_file__what_is_no_file_of_lines_is_left_alone(void **state) {
    (void)state;
    struct error err;
    struct line_file file;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 32 << 20);
    buffer_print(&text, "a\n%0*d", LINE_FILE_LINE_BYTES_MAX + (64 << 10), 0);
    buffer_add_byte(&text, 0);
    write_file(text.bytes);
    assert_int_equal(line_file_open(path, &file, &err), STATUS_INVALID);
    assert_file(path, text.bytes);
    assert_int_equal(line_file_open(folder, &file, &err), STATUS_SYSTEM);
    assert_int_equal(line_file_open("/nowhere/at/all", &file, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    assert_int_equal(line_file_open("/dev/null", &file, &err), STATUS_INVALID);
}

static void test_line_file__moves_aside(void **state) {
    (void)state;
    struct line_file file;
    struct error err;
    open_good(&file);
    assert_int_equal(line_file_append(&file, SLICE("one\n"), &err), STATUS_OK);
    assert_int_equal(line_file_rotate(&file, path, &err), STATUS_OK);
    assert_string_equal(file.last, "");
    assert_int_equal(line_file_append(&file, SLICE("two\n"), &err), STATUS_OK);
    line_file_close(&file);
    assert_file(old_path, "one\n");
    assert_file(path, "two\n");
}

/* The limit on a file's size stands for a disk that is full. */
static void test_line_file__a_write_that_fails_leaves_nothing(void **state) {
    (void)state;
    struct line_file file;
    struct error err;
    struct rlimit before;
    open_good(&file);
    assert_int_equal(line_file_append(&file, SLICE("one\n"), &err), STATUS_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const status code = line_file_append(&file, SLICE("two\nthree\nfour\n"), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_not_equal(code, STATUS_OK);
    assert_file(path, "one\n");
    assert_int_equal(line_file_append(&file, SLICE("two\n"), &err), STATUS_OK);
    line_file_close(&file);
    assert_file(path, "one\ntwo\n");
}

int main(void) {
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_line_file__grows_by_whole_lines),
        FOLDER_TEST(test_line_file__a_line_that_is_not_whole_is_cut_off),
        FOLDER_TEST(test_line_file__a_long_last_line_is_known_by_its_beginning),
        FOLDER_TEST(test_line_file__what_is_no_file_of_lines_is_left_alone),
        FOLDER_TEST(test_line_file__moves_aside),
        FOLDER_TEST(test_line_file__a_write_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
