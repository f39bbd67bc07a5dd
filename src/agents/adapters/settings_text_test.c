// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/settings_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agents/test_folder.h"
#include "platform/json.h"
#include "platform/secret.h"

static struct test_folder folder;

static int make_secrets(void **state) {
    (void)state;
    test_folder_make(&folder);
    secret_use_folder(folder.path);
    return secret_write(SLICE("desk"), SLICE("open \"sesame\"\n"), NULL) == STATUS_OK &&
                   secret_write(SLICE("binary"), SLICE("a\xff"), NULL) == STATUS_OK
               ? 0
               : -1;
}

static int remove_secrets(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static status write_text(const char *json, struct buffer *out, struct error *err) {
    struct arena arena;
    struct value settings;
    arena_init(&arena, 1 << 20);
    assert_int_equal(json_read(&arena, slice_of(json), &settings, NULL), STATUS_OK);
    const status code = settings_text_write(out, settings, err);
    buffer_add_byte(out, 0);
    arena_done(&arena);
    return code;
}

static void test_settings_text__secrets_stand_in_place_of_their_names(void **state) {
    (void)state;
    CLEANUP(secret_forget) struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(
        write_text("{\"a\":[1,{\"key\":\"secret:desk\"},null],\"b\":\"x\",\"c\":{}}", &out, NULL),
        STATUS_OK);
    assert_string_equal(out.bytes,
                        "{\"a\":[1,{\"key\":\"open \\\"sesame\\\"\"},null],\"b\":\"x\",\"c\":{}}");
}

static void test_settings_text__a_secret_that_is_not_there_is_named(void **state) {
    (void)state;
    CLEANUP(secret_forget) struct buffer out;
    buffer_init(&out, 4096);
    struct error err = {0};
    assert_int_equal(write_text("{\"a\":[\"secret:nowhere\"]}", &out, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "nowhere"));
}

static void test_settings_text__a_secret_that_is_no_text_is_refused(void **state) {
    (void)state;
    CLEANUP(secret_forget) struct buffer out;
    buffer_init(&out, 4096);
    struct error err = {0};
    assert_int_equal(write_text("\"secret:binary\"", &out, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "secret 'binary' is no UTF-8 text"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_text__secrets_stand_in_place_of_their_names),
        cmocka_unit_test(test_settings_text__a_secret_that_is_not_there_is_named),
        cmocka_unit_test(test_settings_text__a_secret_that_is_no_text_is_refused),
    };
    return cmocka_run_group_tests(tests, make_secrets, remove_secrets);
}
