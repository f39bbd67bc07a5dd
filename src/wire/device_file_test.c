// SPDX-License-Identifier: Apache-2.0
#include "wire/device_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/file.h"

enum { PATH_BYTES = 300 };

/* A folder with device.yaml and conf.d, and what came of reading it. */
struct box {
    char folder[64];
    struct arena arena;
    struct device device;
    struct buffer said;
    struct error err;
};

static void put(const struct box *box, const char *name, const char *text) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", box->folder, name);
    assert_int_equal(file_replace(path, slice_of(text), NULL), STATUS_OK);
}

static void begin(struct box *box) {
    char path[PATH_BYTES];
    *box = (struct box){.folder = "/tmp/ebb-device-XXXXXX"};
    assert_non_null(mkdtemp(box->folder));
    (void)snprintf(path, sizeof(path), "%s/conf.d", box->folder);
    assert_int_equal(file_make_folder(path, NULL), STATUS_OK);
    arena_init(&box->arena, 4 << 20);
    buffer_init(&box->said, 1 << 20);
}

static void end(struct box *box) {
    char command[PATH_BYTES];
    (void)snprintf(command, sizeof(command), "rm -r %s", box->folder);
    assert_int_equal(system(command), 0); /* NOLINT: a folder of our own */
    buffer_done(&box->said);
    arena_done(&box->arena);
}

static const char *variable(const char *name) {
    return strcmp(name, "EBB__DEVICE__NAME") == 0 ? "of-the-environment" : NULL;
}

static const char *no_variable(const char *name) {
    (void)name;
    return NULL;
}

static void keep_faults(void *owner, const struct fault_list *faults) {
    fault_list_write(faults, &((struct box *)owner)->said);
}

static status load(struct box *box, const char *(*environment)(const char *name)) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/device.yaml", box->folder);
    const struct device_files files = {
        .path = path, .environment = environment, .said = keep_faults, .owner = box};
    return device_load(&box->arena, &files, &box->device, &box->err);
}

static const char *label(const struct box *box, const char *name) {
    const struct value *value = value_get(box->device.labels, slice_of(name));
    return value != NULL ? value_text(*value).bytes : "";
}

static void test_device_file__is_one_of_several_and_the_last_name_wins(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    put(&box, "device.yaml",
        "ebb: 1\ndevice: { name: a, time_zone: Europe/Berlin, labels: { site: north, role: door } "
        "}\nstore: { budget: 1GiB }\n");
    put(&box, "conf.d/20.yaml", "ebb: 1\ndevice: { name: c, labels: { role: gate } }\n");
    put(&box, "conf.d/10.yaml", "ebb: 1\ndevice: { name: b }\nstore: { budget: 2GiB }\n");
    put(&box, "conf.d/30.txt", "no YAML of ours: [");
    put(&box, "conf.d/.hidden.yaml", "neither: [");
    assert_int_equal(load(&box, no_variable), STATUS_OK);
    assert_true(slice_is(box.device.name, "c"));
    assert_true(slice_is(box.device.time_zone, "Europe/Berlin"));
    assert_string_equal(label(&box, "site"), "north");
    assert_string_equal(label(&box, "role"), "gate");
    assert_int_equal(box.device.labels.count, 2);
    assert_int_equal(box.device.budget_bytes, INT64_C(2) << 30);
    assert_int_equal(load(&box, variable), STATUS_OK);
    assert_true(slice_is(box.device.name, "of-the-environment"));
    end(&box);
}

static void test_device_file__with_faults_is_refused_with_their_places(void **state) {
    (void)state;
    struct box box;
    char expected[PATH_BYTES];
    begin(&box);
    put(&box, "device.yaml", "ebb: 1\ndevice: { name: a }\n");
    put(&box, "conf.d/10.yaml",
        "ebb: 1\nworkflows: { Cold: {}, w: { params: 3 }, v: { parms: {} } }\n");
    assert_int_equal(load(&box, no_variable), STATUS_INVALID);
    buffer_add_byte(&box.said, '\0');
    (void)snprintf(expected, sizeof(expected), "%s/conf.d/10.yaml:2:14: ", box.folder);
    assert_true(strncmp(box.said.bytes, expected, strlen(expected)) == 0);
    assert_non_null(strstr(box.said.bytes, "10.yaml:2:37: `params` is a map of names to values"));
    assert_non_null(strstr(box.said.bytes, "did you mean `params`?"));
    end(&box);
}

static void test_device_file__that_was_named_must_be_there(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_int_equal(load(&box, no_variable), STATUS_NOT_FOUND);
    end(&box);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_file__is_one_of_several_and_the_last_name_wins),
        cmocka_unit_test(test_device_file__with_faults_is_refused_with_their_places),
        cmocka_unit_test(test_device_file__that_was_named_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
