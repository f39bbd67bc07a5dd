// SPDX-License-Identifier: Apache-2.0
#include "model/tensor_proto.h"

#include "base/memory.h"
#include "platform/test_model.h"

enum { ARENA_BYTES_MAX = 1 << 20, STRING_TYPE = 8 };

/* The file of a tensor with these numbers, or without any. */
static struct buffer file_of(int type, const char *shape, const void *numbers, size_t count) {
    struct buffer file;
    onnx_begin_tensor(&file, "t", type, shape);
    if (numbers != NULL) {
        onnx_put(&file, 9, (struct slice){.bytes = numbers, .count = count});
    }
    return file;
}

static status read_into(struct arena *arena, struct buffer file, struct tensor *out_tensor,
                        struct error *err) {
    CLEANUP(buffer_done) struct buffer owned = file;
    return tensor_proto_read(buffer_slice(&owned), arena, out_tensor, err);
}

static void expect(int type, const char *shape, enum tensor_type read, uint32_t rank,
                   const void *numbers, size_t count) {
    CLEANUP(arena_done) struct arena arena;
    struct tensor tensor;
    struct error err = {0};
    arena_init(&arena, ARENA_BYTES_MAX);
    /* The file is gone when the tensor is looked at. */
    if (read_into(&arena, file_of(type, shape, numbers, count), &tensor, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(tensor.type, read);
    assert_int_equal(tensor.rank, rank);
    assert_int_equal(tensor.byte_count, count);
    assert_memory_equal(tensor.bytes, numbers, count);
}

static void test_tensor_proto__reads_numbers_of_every_rank(void **state) {
    (void)state;
    static const float FLOATS_OF[] = {1, -2, 0.5F, 4, 5, 6};
    expect(ONNX_FLOAT, "2x3", TENSOR_FLOAT32, 2, FLOATS_OF, sizeof(FLOATS_OF));
    expect(ONNX_FLOAT, "", TENSOR_FLOAT32, 0, FLOATS_OF, sizeof(float));
    expect(ONNX_FLOAT, "1x1x1x1x1x1x2x3", TENSOR_FLOAT32, 8, FLOATS_OF, sizeof(FLOATS_OF));
    expect(ONNX_FLOAT, "0x3", TENSOR_FLOAT32, 2, "", 0);
    expect(ONNX_INT64, "1", TENSOR_INT64, 1, "abcdefgh", 8);
    expect(ONNX_BOOL, "3", TENSOR_BOOLEAN, 1, "\0\1\1", 3);
}

static void expect_fault(struct buffer file, status code, const char *words) {
    CLEANUP(arena_done) struct arena arena;
    struct tensor tensor = {.rank = 77};
    struct error err = {0};
    arena_init(&arena, ARENA_BYTES_MAX);
    assert_int_equal(read_into(&arena, file, &tensor, &err), code);
    if (strstr(err.text, words) == NULL) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(tensor.rank, 77);
}

static void test_tensor_proto__refuses_what_no_model_is_given(void **state) {
    (void)state;
    expect_fault(file_of(ONNX_FLOAT, "1x1x1x1x1x1x1x1x1", "abcd", 4), STATUS_INVALID,
                 "9 dimensions of float32");
    expect_fault(file_of(STRING_TYPE, "0", NULL, 0), STATUS_INVALID, "no tensor");
    struct buffer elsewhere = file_of(ONNX_FLOAT, "2", NULL, 0);
    onnx_put_number(&elsewhere, 14, 1);
    expect_fault(elsewhere, STATUS_INVALID, "in another file");
}

static void test_tensor_proto__refuses_what_contradicts_itself(void **state) {
    (void)state;
    struct buffer text;
    expect_fault(file_of(ONNX_FLOAT, "3", "abcdefgh", 8), STATUS_CORRUPT, "12 bytes");
    expect_fault(file_of(ONNX_FLOAT, "-2x-1", "abcdefgh", 8), STATUS_CORRUPT, "shape");
    expect_fault(file_of(ONNX_FLOAT, "4611686018427387904x4", "abcd", 4), STATUS_CORRUPT, "shape");
    buffer_init(&text, 100);
    buffer_add_text(&text, "no tensor at all");
    expect_fault(text, STATUS_CORRUPT, "");
    buffer_init(&text, 100);
    expect_fault(text, STATUS_CORRUPT, "empty");
}

static void test_tensor_proto__says_when_the_heap_is_used_up(void **state) {
    (void)state;
    status code = STATUS_NO_MEMORY;
    long failing = 0;
    struct buffer file = file_of(ONNX_FLOAT, "2", "abcdefgh", 8);
    for (; code != STATUS_OK && failing < 50; failing++) {
        struct arena arena;
        struct tensor tensor;
        arena_init(&arena, ARENA_BYTES_MAX);
        (void)memory_fail_at(failing, 0);
        code = tensor_proto_read(buffer_slice(&file), &arena, &tensor, NULL);
        (void)memory_fail_at(-1, 0);
        arena_done(&arena);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
    }
    assert_true(failing > 2 && failing < 50);
    buffer_done(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_proto__reads_numbers_of_every_rank),
        cmocka_unit_test(test_tensor_proto__refuses_what_no_model_is_given),
        cmocka_unit_test(test_tensor_proto__refuses_what_contradicts_itself),
        cmocka_unit_test(test_tensor_proto__says_when_the_heap_is_used_up),
    };
    return cmocka_run_group_tests_name("tensor_proto", tests, NULL, NULL);
}
