// SPDX-License-Identifier: Apache-2.0
#include "base/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static int readings;

static status read_letters(const void *source, char *bytes, size_t count, struct error *err) {
    readings++;
    const char *letter = source;
    if (*letter == '!') {
        return (fail)(err, STATUS_NOT_FOUND, "it is gone");
    }
    (void)memset(bytes, *letter, count);
    return STATUS_OK;
}

static void test_blob__is_shared_until_the_last_one_lets_go(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct slice bytes;
    assert_int_equal(blob_copy(SLICE("text/plain"), SLICE("hello"), &blob, NULL), STATUS_OK);
    struct blob *other = blob_share(blob);
    blob_release(blob);
    assert_true(slice_is(blob_type(other), "text/plain"));
    assert_int_equal(blob_count(other), 5);
    assert_int_equal(blob_open(other, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "hello"));
    blob_release(other);
    blob_release(NULL);
}

static void test_blob__that_is_unread_is_read_once_when_it_is_opened(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct slice bytes;
    struct error err = {0};
    readings = 0;
    assert_int_equal(blob_create_unread(SLICE("a/b"), 3, read_letters, "x", 2, &blob, NULL),
                     STATUS_OK);
    assert_int_equal(readings, 0);
    assert_string_equal(blob_source(blob, read_letters), "x");
    assert_null(blob_source(blob, NULL));
    assert_int_equal(blob_open(blob, &bytes, NULL), STATUS_OK);
    assert_int_equal(blob_open(blob, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "xxx"));
    assert_int_equal(readings, 1);
    blob_release(blob);

    assert_int_equal(blob_create_unread(SLICE("a/b"), 3, read_letters, "!", 2, &blob, NULL),
                     STATUS_OK);
    assert_int_equal(blob_open(blob, &bytes, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.text, "it is gone");
    blob_release(blob);
}

static void test_blob__beyond_its_bounds_is_refused(void **state) {
    (void)state;
    struct blob *blob = NULL;
    struct error err = {0};
    char type[BLOB_TYPE_BYTES_MAX + 1];
    (void)memset(type, 'a', sizeof(type));
    assert_int_equal(blob_copy((struct slice){type, sizeof(type)}, SLICE(""), &blob, &err),
                     STATUS_INVALID);
    assert_int_equal(
        blob_copy(SLICE("a"), (struct slice){NULL, (size_t)BLOB_BYTES_MAX + 1}, &blob, &err),
        STATUS_INVALID);
    assert_null(blob);
    struct slice bytes;
    assert_int_equal(blob_create_unread(SLICE("a"), (size_t)BLOB_BYTES_MAX + 1, read_letters, "x",
                                        2, &blob, &err),
                     STATUS_OK);
    assert_int_equal(blob_open(blob, &bytes, &err), STATUS_INVALID);
    blob_release(blob);
}

static void test_blob__leaves_nothing_when_the_heap_is_used_up(void **state) {
    (void)state;
    for (long index = 0; index < 3; index++) {
        struct blob *blob = NULL;
        (void)memory_fail_at(index, 1);
        if (blob_copy(SLICE("a"), SLICE("b"), &blob, NULL) == STATUS_OK) {
            assert_int_equal(index, 2);
        }
        (void)memory_fail_at(-1, 0);
        blob_release(blob);
        blob = NULL;
        (void)memory_fail_at(index, 1);
        (void)blob_create_unread(SLICE("a"), 1, read_letters, "x", 2, &blob, NULL);
        (void)memory_fail_at(-1, 0);
        blob_release(blob);
    }
}

static void test_value_of_blob__shares_it_for_as_long_as_the_arena(void **state) {
    (void)state;
    struct arena arena;
    struct arena other;
    struct value value;
    struct value copy;
    struct slice bytes;
    struct blob *blob = NULL;
    arena_init(&arena, 1 << 16);
    arena_init(&other, 1 << 16);
    assert_int_equal(blob_copy(SLICE("image/png"), SLICE("png!"), &blob, NULL), STATUS_OK);
    assert_true(value_of_blob(&arena, blob, &value));
    blob_release(blob);
    const struct member member = {.name = SLICE("a"), .value = value};
    const struct value object = {.kind = VALUE_OBJECT, .count = 1, .members = &member};
    assert_true(value_has_blob((struct value){.kind = VALUE_LIST, .count = 1, .items = &object}));
    assert_false(value_has_blob((struct value){.kind = VALUE_OBJECT}));
    assert_true(value_copy(&other, value, &copy));
    arena_done(&arena);
    assert_int_equal(copy.kind, VALUE_BLOB);
    assert_int_equal(blob_open(copy.blob, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "png!"));
    assert_true(slice_is(value_text(*value_get(copy, SLICE("type"))), "image/png"));
    assert_int_equal(value_get(copy, SLICE("bytes"))->integer, 4);
    assert_null(value_get(copy, SLICE("path")));
    assert_string_equal(value_kind_name(copy.kind), "blob");
    arena_done(&other);
}

static void test_value_compare__knows_a_blob_by_itself_or_its_hash(void **state) {
    (void)state;
    struct arena arena;
    struct value values[2];
    struct blob *blobs[2];
    arena_init(&arena, 1 << 16);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(blob_copy(SLICE("a"), SLICE("b"), &blobs[i], NULL), STATUS_OK);
        assert_true(value_of_blob(&arena, blobs[i], &values[i]));
        blob_release(blobs[i]);
    }
    assert_true(value_equal(values[0], values[0]));
    assert_false(value_equal(values[0], values[1]));
    assert_int_equal(value_compare(values[0], values[1]), -value_compare(values[1], values[0]));
    blob_set_id(blobs[0], (struct id){{7}});
    blob_set_id(blobs[1], (struct id){{7}});
    assert_true(value_equal(values[0], values[1]));
    assert_true(value_compare((struct value){.kind = VALUE_OBJECT}, values[0]) < 0);
    arena_done(&arena);
}

static char gone[8];

static void note_gone(void *thing) {
    (void)strcat(gone, thing);
}

static void test_blob__takes_what_was_made_of_it_along(void **state) {
    (void)state;
    struct blob *blob = NULL;
    char first[] = "a";
    char second[] = "b";
    assert_int_equal(blob_copy(SLICE("a"), SLICE("x"), &blob, NULL), STATUS_OK);
    assert_null(blob_derived(blob, note_gone));
    blob_set_derived(blob, first, note_gone);
    assert_ptr_equal(blob_derived(blob, note_gone), first);
    assert_null(blob_derived(blob, memory_free));
    blob_set_derived(blob, second, note_gone);
    assert_string_equal(gone, "a");
    blob_release(blob);
    assert_string_equal(gone, "ab");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blob__is_shared_until_the_last_one_lets_go),
        cmocka_unit_test(test_blob__that_is_unread_is_read_once_when_it_is_opened),
        cmocka_unit_test(test_blob__beyond_its_bounds_is_refused),
        cmocka_unit_test(test_blob__takes_what_was_made_of_it_along),
        cmocka_unit_test(test_blob__leaves_nothing_when_the_heap_is_used_up),
        cmocka_unit_test(test_value_of_blob__shares_it_for_as_long_as_the_arena),
        cmocka_unit_test(test_value_compare__knows_a_blob_by_itself_or_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
