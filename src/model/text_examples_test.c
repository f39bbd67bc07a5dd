// SPDX-License-Identifier: Apache-2.0
#include "model/text_examples.h"

#include "base/memory.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_ROOM = 512 };

static char home[64];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-text-examples-XXXXXX");
    return mkdtemp(home) != NULL ? 0 : -1;
}

static bool remove_one(void *owner, const char *name) {
    char path[PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s", (const char *)owner, name);
    if (unlink(path) != 0) {
        struct error err;
        assert_int_equal(file_list(path, remove_one, path, &err), STATUS_OK);
        assert_int_equal(rmdir(path), 0);
    }
    return true;
}

static int tear_down(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(file_list(home, remove_one, home, &err), STATUS_OK);
    return rmdir(home);
}

static const char *in_home(const char *name) {
    static char path[PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    return path;
}

static void put(const char *name, const char *text) {
    struct error err;
    char folder[PATH_ROOM];
    (void)snprintf(folder, sizeof(folder), "%s", in_home(name));
    *strrchr(folder, '/') = '\0';
    assert_int_equal(file_make_folder(folder, &err), STATUS_OK);
    assert_int_equal(file_replace(in_home(name), slice_of(text), &err), STATUS_OK);
}

/* All that is there, as "label=text;" one after another. */
static status gather(const char *path, size_t bytes_max, struct buffer *out, struct error *err) {
    buffer_init(out, 1 << 16);
    struct text_examples *examples = NULL;
    TRY(text_examples_open(path, &examples, err));
    bool more = true;
    status done = STATUS_OK;
    while (done == STATUS_OK && more) {
        struct text_example example = {0};
        done = text_examples_next(examples, bytes_max, &example, &more, err);
        if (done == STATUS_OK && more) {
            buffer_print(out, "%.*s=%.*s;", SLICE_ARGS(example.label), SLICE_ARGS(example.text));
        }
    }
    text_examples_close(examples);
    return done;
}

static void expect(const char *name, const char *wanted) {
    struct error err;
    struct buffer said;
    const status done = gather(in_home(name), 100, &said, &err);
    if (done != STATUS_OK || !slice_is(buffer_slice(&said), wanted)) {
        print_error("'%.*s' is not '%s': %s\n", SLICE_ARGS(buffer_slice(&said)), wanted,
                    done != STATUS_OK ? err.text : "");
        assert_true(0);
    }
    buffer_done(&said);
}

static void refuse(const char *name, const char *why) {
    struct error err;
    struct buffer said;
    const status done = gather(in_home(name), 100, &said, &err);
    buffer_done(&said);
    assert_int_equal(done, STATUS_INVALID);
    if (strstr(err.text, why) == NULL) {
        print_error("'%s' is not in '%s'\n", why, err.text);
        assert_true(0);
    }
}

static void test_text_examples__a_folder_has_a_folder_for_each_label(void **state) {
    (void)state;
    put("set/spam/2.txt", "buy");
    put("set/spam/1.eml", "win");
    put("set/ham/a", "hello\nthere");
    put("set/ham/.hidden", "no");
    put("set/ham/deeper/b", "no");
    put("set/README", "no label");
    expect("set", "ham=hello\nthere;spam=win;spam=buy;");

    struct error err;
    struct text_examples *examples = NULL;
    assert_int_equal(text_examples_open(in_home("set"), &examples, &err), STATUS_OK);
    assert_int_equal(text_examples_count(examples), 3);
    assert_int_equal(text_examples_bytes(examples), 17);
    text_examples_close(examples);
}

static void test_text_examples__no_more_than_asked_for_is_read_of_a_text(void **state) {
    (void)state;
    put("set/a/1", "0123456789");
    put("lines", "a\t0123456789\n");
    struct error err;
    struct buffer said;
    assert_int_equal(gather(in_home("set"), 4, &said, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&said), "a=0123;"));
    buffer_done(&said);
    assert_int_equal(gather(in_home("lines"), 4, &said, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&said), "a=0123;"));
    buffer_done(&said);
}

static void test_text_examples__a_file_has_a_text_in_each_line(void **state) {
    (void)state;
    put("lines", "start\tplease begin\r\n\n  \nstop\thalt\tnow\nempty\t \n"
                 "{\"text\":\"slow\\tdown\",\"label\":\"slower\",\"more\":1}\nstop\tend");
    expect("lines", "start=please begin;stop=halt\tnow;empty=;slower=slow\tdown;stop=end;");
    struct error err;
    struct text_examples *examples = NULL;
    assert_int_equal(text_examples_open(in_home("lines"), &examples, &err), STATUS_OK);
    assert_int_equal(text_examples_count(examples), 5);
    text_examples_close(examples);
}

static void test_text_examples__what_is_wrong_is_named_with_its_line(void **state) {
    (void)state;
    put("lines", "a\tb\nno tab here\n");
    refuse("lines", "lines:2: a label, a tab and the text");
    put("json", "{\"label\":\"a\",\"text\":1}\n");
    refuse("json", "json:1: an object");
    put("broken", "\n\n{\"label\":\n");
    refuse("broken", "broken:3: ");
    put("nameless", "\ttext\n");
    refuse("nameless", "nameless:1: label '': a label has from 1 to 64 bytes");
    put("control/a\x01/1", "text");
    refuse("control", "control characters");
    put("empty", "\n \n");
    refuse("empty", "no lines");
    put("hollow/a/.keep", "");
    refuse("hollow", "label 'a' has no examples");
    put("flat/readme", "text");
    refuse("flat", "a folder for each label");

    struct error err;
    struct text_examples *examples = NULL;
    assert_int_equal(text_examples_open(in_home("nowhere"), &examples, &err), STATUS_NOT_FOUND);
    assert_null(examples);
}

static void test_text_examples__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    put("set/a/1", "one");
    put("set/b/2", "two");
    put("lines", "{\"label\":\"a\",\"text\":\"b\"}\n");
    const char *const names[] = {"set", "lines"};
    for (size_t i = 0; i < 2; i++) {
        status done = STATUS_NO_MEMORY;
        for (long index = 0; done != STATUS_OK; index++) {
            struct error err;
            struct buffer said;
            (void)memory_fail_at(index, 0);
            done = gather(in_home(names[i]), 100, &said, &err);
            (void)memory_fail_at(-1, 0);
            buffer_done(&said);
            assert_true(index < 100);
        }
    }
    text_examples_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_examples__a_folder_has_a_folder_for_each_label,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_text_examples__no_more_than_asked_for_is_read_of_a_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_examples__a_file_has_a_text_in_each_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_text_examples__what_is_wrong_is_named_with_its_line,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_text_examples__no_memory_is_an_answer_and_nothing_leaks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
