// SPDX-License-Identifier: Apache-2.0
#include "agents/blob_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/blob.h"
#include "platform/file.h"
#include "platform/folder.h"
#include "platform/json.h"

static struct arena arena;
static char folder[64];

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    (void)snprintf(folder, sizeof(folder), "/tmp/blob_files_test.XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return folder_remove(folder, NULL) == STATUS_OK ? 0 : -1;
}

static void write_file(const char *name, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_replace(path, slice_of(text), NULL), STATUS_OK);
}

static struct value blob_value(const char *type, const char *text) {
    struct blob *blob = NULL;
    struct value value;
    assert_int_equal(blob_copy(slice_of(type), slice_of(text), &blob, NULL), STATUS_OK);
    assert_true(value_of_blob(&arena, blob, &value));
    blob_release(blob);
    return value;
}

static struct value read_json(const char *text) {
    struct value value;
    assert_int_equal(json_read(&arena, slice_of(text), &value, NULL), STATUS_OK);
    return value;
}

/* `wanted` says @ for the folder. */
static void assert_json(struct value value, const char *wanted) {
    struct buffer json;
    struct buffer whole;
    buffer_init(&json, 4096);
    buffer_init(&whole, 4096);
    for (const char *at = wanted; *at != '\0'; at++) {
        if (*at == '@') {
            buffer_add_text(&whole, folder);
        } else {
            buffer_add_byte(&whole, (uint8_t)*at);
        }
    }
    json_write(&json, value);
    buffer_add_byte(&json, 0);
    buffer_add_byte(&whole, 0);
    assert_string_equal(json.bytes, whole.bytes);
    buffer_done(&json);
    buffer_done(&whole);
}

static void test_blob_files_show__makes_a_file_of_each_blob(void **state) {
    (void)state;
    struct value object;
    struct value shown;
    struct error err = {.text = ""};
    struct member *members = value_new_object(&arena, 2, &object);
    members[0] = (struct member){.name = SLICE("n"), .value = value_of_integer(7)};
    members[1].name = SLICE("list");
    struct value *items = value_new_list(&arena, 2, &members[1].value);
    items[0] = blob_value("image/png", "one");
    items[1] = blob_value("audio/x-none", "two!");
    if (blob_files_show(folder, false, &arena, object, &shown, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_json(shown, "{\"n\":7,\"list\":["
                       "{\"blob\":\"@/in-1.png\",\"type\":\"image/png\",\"bytes\":3},"
                       "{\"blob\":\"@/in-2\",\"type\":\"audio/x-none\",\"bytes\":4}]}");
}

static void test_blob_files_take__opens_what_a_program_has_left(void **state) {
    (void)state;
    struct value taken;
    struct slice bytes;
    struct error err;
    write_file("out.png", "\x89PNG\r\n\x1a\n");
    write_file("out.bin", "words");
    assert_int_equal(
        blob_files_take(folder, &arena,
                        read_json("{\"a\":[{\"$file\":\"out.png\"}],\"b\":{\"$file\":\"out.bin\","
                                  "\"type\":\"text/plain\"}}"),
                        &taken, &err),
        STATUS_OK);
    const struct value first = value_get(taken, SLICE("a"))->items[0];
    const struct value second = *value_get(taken, SLICE("b"));
    assert_true(slice_is(blob_type(first.blob), "image/png"));
    assert_true(slice_is(blob_type(second.blob), "text/plain"));
    assert_int_equal(blob_open(second.blob, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "words"));
}

static void test_blob_files_take__keeps_to_the_folder(void **state) {
    (void)state;
    static const char *const NAMES[] = {"../out",    "/etc/passwd", "",        ".",
                                        "a/../../b", "link",        "nothing", "sub"};
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    (void)snprintf(path, sizeof(path), "%s/sub", folder);
    assert_int_equal(file_make_folder(path, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char text[128];
        struct value taken;
        struct error err;
        (void)snprintf(text, sizeof(text), "{\"x\":{\"$file\":\"%s\"}}", NAMES[i]);
        assert_int_equal(blob_files_take(folder, &arena, read_json(text), &taken, &err),
                         STATUS_INVALID);
    }
}

static void test_blob_files_take__has_a_bound(void **state) {
    (void)state;
    struct value list;
    struct value taken;
    struct error err;
    write_file("x", "x");
    struct value *items = value_new_list(&arena, BLOB_FILES_MAX + 1, &list);
    for (int i = 0; i <= BLOB_FILES_MAX; i++) {
        items[i] = read_json("{\"$file\":\"x\"}");
    }
    assert_int_equal(blob_files_take(folder, &arena, list, &taken, &err), STATUS_INVALID);
    assert_string_equal(err.text, "a call has at most 256 files");
    list.count--;
    assert_int_equal(blob_files_take(folder, &arena, list, &taken, &err), STATUS_OK);
}

/* The same value for each process that it is told to, with descriptors of its own. */
static void test_blob_files_open__hands_over_a_descriptor_for_each_blob(void **state) {
    (void)state;
    struct value object;
    struct value shown;
    struct value said;
    struct error err = {.text = ""};
    struct member *members = value_new_object(&arena, 2, &object);
    members[0] = (struct member){.name = SLICE("a"), .value = blob_value("image/png", "one")};
    members[1].name = SLICE("list");
    struct value *items = value_new_list(&arena, 1, &members[1].value);
    items[0] = blob_value("audio/wav", "two!");
    assert_int_equal(blob_files_show(folder, true, &arena, object, &shown, &err), STATUS_OK);
    struct process_descriptors descriptors = {.count = 0};
    for (int i = 0; i < 2; i++) {
        char text[8] = "";
        assert_int_equal(blob_files_open(&arena, shown, &said, &descriptors, &err), STATUS_OK);
        assert_int_equal(descriptors.count, 2);
        assert_json(said, "{\"a\":{\"blob\":{\"fd\":0},\"type\":\"image/png\",\"bytes\":3},"
                          "\"list\":[{\"blob\":{\"fd\":1},\"type\":\"audio/wav\",\"bytes\":4}]}");
        assert_int_equal(read(descriptors.list[1], text, sizeof(text)), 4);
        assert_string_equal(text, "two!");
        process_descriptors_close(&descriptors);
    }
    assert_int_equal(blob_files_open(&arena, object, &said, &descriptors, &err), STATUS_INVALID);
    assert_int_equal(descriptors.count, 0); /* of bytes in memory there is no file */
}

static void test_blob_files_open__hands_over_so_many_at_once(void **state) {
    (void)state;
    struct value list;
    struct value shown;
    struct value said;
    struct error err = {.text = ""};
    struct value *items = value_new_list(&arena, PROCESS_DESCRIPTORS_MAX + 1, &list);
    for (int i = 0; i <= PROCESS_DESCRIPTORS_MAX; i++) {
        items[i] = blob_value("a/b", "x");
    }
    assert_int_equal(blob_files_show(folder, true, &arena, list, &shown, &err), STATUS_OK);
    struct process_descriptors descriptors = {.count = 0};
    assert_int_equal(blob_files_open(&arena, shown, &said, &descriptors, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "at most 16 pictures, sounds and files under `blobs: fd`"));
    assert_int_equal(descriptors.count, PROCESS_DESCRIPTORS_MAX);
    process_descriptors_close(&descriptors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blob_files_open__hands_over_a_descriptor_for_each_blob,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_blob_files_open__hands_over_so_many_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_files_show__makes_a_file_of_each_blob, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_files_take__opens_what_a_program_has_left, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_files_take__keeps_to_the_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_blob_files_take__has_a_bound, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
