// SPDX-License-Identifier: Apache-2.0
#include "platform/lite_file.h"

#include "platform/test_lite.h"

static void test_lite_file__is_known_by_what_it_says_of_itself(void **state) {
    (void)state;
    assert_true(lite_file_is_one(SLICE("\x1c\0\0\0TFL3")));
    assert_false(lite_file_is_one(SLICE("\x1c\0\0\0TFL2")));
    assert_false(lite_file_is_one(SLICE("TFL3")));
    assert_false(lite_file_is_one(SLICE("")));
}

static void test_lite_file__what_is_no_weight_takes_memory(void **state) {
    (void)state;
    struct test_lite model = {.size = 2};
    struct test_lite large = {.size = 1 << 20};
    CLEANUP(buffer_done) struct buffer file;
    CLEANUP(buffer_done) struct buffer other;
    int64_t bytes = 0;
    test_lite_bytes(&model, &file);
    assert_int_equal(lite_file_tensor_bytes(buffer_slice(&file), &bytes, NULL), STATUS_OK);
    assert_int_equal(bytes, 2 * 2 * 4); /* x and y; w lies in the file */
    test_lite_bytes(&large, &other);
    assert_int_equal(lite_file_tensor_bytes(buffer_slice(&other), &bytes, NULL), STATUS_OK);
    assert_int_equal(bytes, (int64_t)2 * 4 << 20);
}

static void test_lite_file__a_size_that_is_none_is_refused(void **state) {
    (void)state;
    struct test_lite model = {.size = -1};
    CLEANUP(buffer_done) struct buffer file;
    struct error err = {0};
    int64_t bytes = 0;
    test_lite_bytes(&model, &file);
    assert_int_equal(lite_file_tensor_bytes(buffer_slice(&file), &bytes, &err), STATUS_CORRUPT);
    assert_string_equal(err.text, "a tensor has a negative size");
}

/* Cut anywhere, any bit changed: an answer or a sentence, and no byte read beyond the end. */
static void test_lite_file__a_damaged_file_harms_nobody(void **state) {
    (void)state;
    struct test_lite model = {.size = 2};
    CLEANUP(buffer_done) struct buffer file;
    struct error err = {0};
    int64_t bytes = 0;
    test_lite_bytes(&model, &file);
    for (size_t i = 0; i < file.count; i++) {
        /* A copy with nothing behind it, for the sanitizers. */
        char *cut = malloc(i + 1);
        assert_non_null(cut);
        (void)memcpy(cut, file.bytes, i);
        const status code =
            lite_file_tensor_bytes((struct slice){.bytes = cut, .count = i}, &bytes, &err);
        assert_true(code == STATUS_OK || code == STATUS_CORRUPT);
        assert_true(i > model.weights_at || code == STATUS_CORRUPT);
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            file.bytes[i] = (char)(file.bytes[i] ^ 1 << bit);
            (void)lite_file_tensor_bytes(buffer_slice(&file), &bytes, &err);
            assert_true(bytes >= 0);
            file.bytes[i] = (char)(file.bytes[i] ^ 1 << bit);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lite_file__is_known_by_what_it_says_of_itself),
        cmocka_unit_test(test_lite_file__what_is_no_weight_takes_memory),
        cmocka_unit_test(test_lite_file__a_size_that_is_none_is_refused),
        cmocka_unit_test(test_lite_file__a_damaged_file_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
