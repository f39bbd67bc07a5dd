// SPDX-License-Identifier: Apache-2.0
#include "base/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_tensor__type_and_shape_come_back_from_their_text(void **state) {
    (void)state;
    const struct tensor tensors[] = {
        {.type = TENSOR_FLOAT32, .rank = 3, .shape = {2, 1, 128}, .byte_count = 1024},
        {.type = TENSOR_INT64, .byte_count = 8},
        {.type = TENSOR_UINT8, .rank = 8, .shape = {1, 1, 1, 1, 1, 1, 3, 7}, .byte_count = 21},
        {.type = TENSOR_FLOAT16, .rank = 2, .shape = {0, 5}, .byte_count = 0},
    };
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++) {
        char text[TENSOR_TYPE_TEXT_BYTES];
        tensor_write_type(&tensors[i], text);
        struct tensor back;
        assert_true(tensor_read_type(slice_of(text), &back));
        assert_int_equal(back.type, tensors[i].type);
        assert_int_equal(back.rank, tensors[i].rank);
        assert_memory_equal(back.shape, tensors[i].shape, sizeof(back.shape));
        assert_int_equal(back.byte_count, tensors[i].byte_count);
        assert_null(back.bytes);
    }
}

static void test_tensor__each_type_has_a_name_that_is_read_back(void **state) {
    (void)state;
    const struct {
        const char *name;
        enum tensor_type type;
        size_t bytes;
    } known[] = {
        {"float32", TENSOR_FLOAT32, 4},   {"float16", TENSOR_FLOAT16, 2},
        {"uint8", TENSOR_UINT8, 1},       {"int8", TENSOR_INT8, 1},
        {"int32", TENSOR_INT32, 4},       {"int64", TENSOR_INT64, 8},
        {"bool", TENSOR_BOOLEAN, 1},      {"float64", TENSOR_FLOAT64, 8},
        {"bfloat16", TENSOR_BFLOAT16, 2}, {"int16", TENSOR_INT16, 2},
        {"uint16", TENSOR_UINT16, 2},     {"uint32", TENSOR_UINT32, 4},
        {"uint64", TENSOR_UINT64, 8},
    };
    assert_int_equal(sizeof(known) / sizeof(known[0]), TENSOR_TYPE_COUNT);
    size_t all = strlen(" and ") - strlen(", ");
    for (size_t i = 0; i < TENSOR_TYPE_COUNT; i++) {
        enum tensor_type type;
        assert_true(tensor_type_read(slice_of(known[i].name), &type));
        assert_int_equal(type, known[i].type);
        assert_int_equal(tensor_type_bytes(type), known[i].bytes);
        assert_string_equal(tensor_type_name(type), known[i].name);
        assert_non_null(strstr(TENSOR_TYPES_TEXT, known[i].name));
        all += strlen(known[i].name) + (i > 0 ? strlen(", ") : 0);
    }
    assert_int_equal(strlen(TENSOR_TYPES_TEXT), all);
}

static void test_tensor__the_longest_type_fits_its_text(void **state) {
    (void)state;
    struct tensor tensor = {.type = TENSOR_BFLOAT16, .rank = TENSOR_RANK_MAX};
    for (int i = 0; i < TENSOR_RANK_MAX; i++) {
        tensor.shape[i] = INT64_MAX;
    }
    char text[TENSOR_TYPE_TEXT_BYTES];
    tensor_write_type(&tensor, text);
    assert_true(strlen(text) < sizeof(text));
}

static void test_tensor__what_is_no_type_is_refused(void **state) {
    (void)state;
    const char *const texts[] = {"",
                                 "image/png",
                                 "tensor/float32",
                                 "tensor/float33; shape=1",
                                 "tensor/float32; shape=x",
                                 "tensor/float32; shape=1x",
                                 "tensor/float32; shape=1xx2",
                                 "tensor/float32; shape=-1",
                                 "tensor/float32; shape=1x1x1x1x1x1x1x1x1",
                                 "tensor/float32; shape=99999999999999999999",
                                 "tensor/float32; shape=268435456",
                                 "tensor/uint8; shape=65536x65536"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tensor tensor;
        assert_false(tensor_read_type(slice_of(texts[i]), &tensor));
    }
}

static void test_tensor__a_shape_is_counted_within_its_bound(void **state) {
    (void)state;
    const int64_t shape[] = {3, 224, 224};
    const int64_t huge[] = {INT64_MAX, INT64_MAX};
    const int64_t negative[] = {-1};
    size_t count = 0;
    assert_true(tensor_count(TENSOR_FLOAT32, shape, 3, &count));
    assert_int_equal(count, 3 * 224 * 224);
    assert_true(tensor_count(TENSOR_FLOAT32, NULL, 0, &count));
    assert_int_equal(count, 1);
    assert_false(tensor_count(TENSOR_UINT8, huge, 2, &count));
    assert_false(tensor_count(TENSOR_UINT8, negative, 1, &count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor__type_and_shape_come_back_from_their_text),
        cmocka_unit_test(test_tensor__each_type_has_a_name_that_is_read_back),
        cmocka_unit_test(test_tensor__the_longest_type_fits_its_text),
        cmocka_unit_test(test_tensor__what_is_no_type_is_refused),
        cmocka_unit_test(test_tensor__a_shape_is_counted_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
