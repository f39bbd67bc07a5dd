// SPDX-License-Identifier: Apache-2.0
#include "runtime/state_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/memory.h"
#include "platform/json.h"

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct value of(const char *json) {
    struct value value;
    struct error err = {0};
    if (json_read(&arena, slice_of(json), &value, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return value;
}

/* {"h":BLOB,"n":[1,BLOB]} */
static struct value with_blobs(const char *bytes, size_t count) {
    struct blob *blob = NULL;
    struct error err;
    struct value shown, list, object;
    assert_int_equal(blob_copy(SLICE("application/x-tensor"),
                               (struct slice){.bytes = bytes, .count = count}, &blob, &err),
                     STATUS_OK);
    assert_true(value_of_blob(&arena, blob, &shown));
    blob_release(blob);
    struct value *items = value_new_list(&arena, 2, &list);
    struct member *members = value_new_object(&arena, 2, &object);
    items[0] = value_of_integer(1);
    items[1] = shown;
    members[0] = (struct member){SLICE("h"), shown};
    members[1] = (struct member){SLICE("n"), list};
    return object;
}

static void test_state_text__json_is_as_it_is(void **state) {
    (void)state;
    struct slice text;
    struct value read;
    struct error err;
    const struct value value = of("{\"n\":[1,2.5,{\"a\":null}],\"t\":\"x\"}");
    assert_int_equal(state_text_write(&arena, value, 1024, &text, &err), STATUS_OK);
    assert_true(slice_is(text, "{\"n\":[1,2.5,{\"a\":null}],\"t\":\"x\"}"));
    assert_int_equal(state_text_read(&arena, text, &read, &err), STATUS_OK);
    assert_true(value_equal(read, value));
}

static void test_state_text__bytes_come_back_as_blobs(void **state) {
    (void)state;
    static const char BYTES[] = {'\0', 'a', '\xff', '\n'};
    struct slice text, bytes;
    struct value read;
    struct error err;
    assert_int_equal(state_text_write(&arena, with_blobs(BYTES, 4), 1024, &text, &err), STATUS_OK);
    assert_true(slice_is(text,
                         "{\"h\":{\"type\":\"application/x-tensor\",\"$base64\":\"AGH/Cg==\"},"
                         "\"n\":[1,{\"type\":\"application/x-tensor\",\"$base64\":"
                         "\"AGH/Cg==\"}]}"));
    assert_int_equal(state_text_read(&arena, text, &read, &err), STATUS_OK);
    const struct value *h = value_get(read, SLICE("h"));
    assert_int_equal(h->kind, VALUE_BLOB);
    assert_true(slice_is(blob_type(h->blob), "application/x-tensor"));
    assert_int_equal(blob_open(h->blob, &bytes, &err), STATUS_OK);
    assert_int_equal(bytes.count, 4);
    assert_memory_equal(bytes.bytes, BYTES, 4);
    assert_int_equal(value_get(read, SLICE("n"))->items[1].kind, VALUE_BLOB);
}

static void test_state_text__has_a_bound(void **state) {
    (void)state;
    struct slice text;
    struct error err;
    char bytes[200] = {0};
    assert_int_equal(state_text_write(&arena, of("[\"0123456789\"]"), 14, &text, &err), STATUS_OK);
    assert_int_equal(state_text_write(&arena, of("[\"0123456789\"]"), 13, &text, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "more than 13 bytes"));
    assert_int_equal(state_text_write(&arena, with_blobs(bytes, 200), 399, &text, &err),
                     STATUS_INVALID);
    assert_int_equal(state_text_write(&arena, with_blobs(bytes, 200), 500, &text, &err),
                     STATUS_INVALID);
    assert_int_equal(state_text_write(&arena, with_blobs(bytes, 200), 1000, &text, &err),
                     STATUS_OK);
}

static void test_state_text__what_was_damaged_is_said(void **state) {
    (void)state;
    static const char *const WRONG[] = {"{\"a\":", "{\"type\":\"x\",\"$base64\":\"A\"}",
                                        "[{\"$base64\":\"AAAA\"}]",
                                        "{\"type\":\"x\",\"$base64\":\"A*AA\"}"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct value read;
        struct error err = {0};
        assert_int_equal(state_text_read(&arena, slice_of(WRONG[i]), &read, &err), STATUS_INVALID);
        assert_true(err.text[0] != '\0');
    }
}

static void test_state_text__any_allocation_may_fail(void **state) {
    (void)state;
    struct slice text;
    struct error err;
    const struct value value = with_blobs("abc", 3);
    bool reached = true;
    for (long k = 0; reached; k++) {
        struct value read = {0};
        struct arena own;
        arena_init(&own, 1 << 20);
        (void)memory_fail_at(k, 0);
        status code = state_text_write(&own, value, 1024, &text, &err);
        if (code == STATUS_OK) {
            code = state_text_read(&own, text, &read, &err);
        }
        reached = memory_fail_at(-1, 0) > (size_t)k;
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY || code == STATUS_FULL);
        arena_done(&own);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_text__json_is_as_it_is),
        cmocka_unit_test(test_state_text__bytes_come_back_as_blobs),
        cmocka_unit_test(test_state_text__has_a_bound),
        cmocka_unit_test(test_state_text__what_was_damaged_is_said),
        cmocka_unit_test(test_state_text__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
