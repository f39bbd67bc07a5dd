// SPDX-License-Identifier: Apache-2.0
#include "model/npy.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_ROOM = 1 << 17, ARENA_ROOM = 1 << 20 };

#define BEGIN "\x93NUMPY"
/* What numpy 1.24 wrote of [[1, 2, 3], [4, 5, 6.5]]. */
#define NUMPYS                                                                                     \
    BEGIN "\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"               \
          "                                                          \n"                           \
          "\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@\x00\x00\xd0@"

static struct arena arena;
static char file[FILE_ROOM];

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, ARENA_ROOM);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

/* A file of that version with that head and those numbers. */
static struct slice make(int version, const char *head, const void *numbers, size_t count) {
    const size_t bytes = strlen(head);
    size_t used = 6;
    (void)memcpy(file, BEGIN, used);
    file[used++] = (char)version;
    file[used++] = 0;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++) {
        file[used++] = (char)(bytes >> 8 * i);
    }
    (void)memcpy(file + used, head, bytes);
    if (count > 0) {
        (void)memcpy(file + used + bytes, numbers, count);
    }
    return (struct slice){.bytes = file, .count = used + bytes + count};
}

static struct tensor read_well(struct slice bytes) {
    struct error err;
    struct tensor tensor;
    if (npy_read(bytes, &arena, &tensor, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return tensor;
}

static void refused(struct slice bytes, const char *sentence) {
    struct error err = {0};
    struct tensor tensor;
    assert_int_equal(npy_read(bytes, &arena, &tensor, &err), STATUS_INVALID);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, sentence);
    }
}

static void test_npy__what_numpy_wrote_is_read(void **state) {
    (void)state;
    const float numbers[] = {1, 2, 3, 4, 5, 6.5F};
    const struct tensor tensor =
        read_well((struct slice){.bytes = NUMPYS, .count = sizeof(NUMPYS) - 1});
    assert_int_equal(tensor.type, TENSOR_FLOAT32);
    assert_int_equal(tensor.rank, 2);
    assert_int_equal(tensor.shape[0], 2);
    assert_int_equal(tensor.shape[1], 3);
    assert_int_equal(tensor.byte_count, sizeof(numbers));
    assert_memory_equal(tensor.bytes, numbers, sizeof(numbers));
}

static void test_npy__a_head_is_read_in_any_order_and_version(void **state) {
    (void)state;
    const int64_t numbers[] = {1, -2};
    const char *const heads[] = {
        "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n",
        "{\"shape\":(2),\"descr\":\"=i8\",\"fortran_order\":False}",
        " { 'fortran_order' : False , 'shape' : ( 2 , ) , 'descr' : '<i8' } \n",
    };
    for (int version = 1; version <= 3; version++) {
        for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
            const struct tensor tensor =
                read_well(make(version, heads[i], numbers, sizeof(numbers)));
            assert_int_equal(tensor.type, TENSOR_INT64);
            assert_int_equal(tensor.rank, 1);
            assert_int_equal(tensor.shape[0], 2);
            assert_memory_equal(tensor.bytes, numbers, sizeof(numbers));
        }
    }
}

static void test_npy__one_number_and_none_have_a_shape(void **state) {
    (void)state;
    const float number = 3;
    struct tensor tensor =
        read_well(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", &number, 4));
    assert_int_equal(tensor.rank, 0);
    assert_memory_equal(tensor.bytes, &number, 4);
    tensor =
        read_well(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }", NULL, 0));
    assert_int_equal(tensor.rank, 2);
    assert_int_equal(tensor.byte_count, 0);
}

static void test_npy__a_truth_is_0_or_1(void **state) {
    (void)state;
    const uint8_t truths[] = {0, 1, 7};
    const uint8_t right[] = {0, 1, 1};
    const struct tensor tensor =
        read_well(make(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", truths, 3));
    assert_int_equal(tensor.type, TENSOR_BOOLEAN);
    assert_memory_equal(tensor.bytes, right, 3);
}

static void test_npy__float64_is_rounded_where_float32_is_wanted(void **state) {
    (void)state;
    const double numbers[] = {0.1, -1e300 * 0, (double)INFINITY, (double)NAN};
    const struct slice bytes = make(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }",
                                    numbers, sizeof(numbers));
    struct error err;
    struct tensor tensor;
    assert_int_equal(npy_read_as(bytes, TENSOR_FLOAT32, &arena, &tensor, &err), STATUS_OK);
    const float *read = tensor.bytes;
    assert_int_equal(tensor.type, TENSOR_FLOAT32);
    assert_int_equal(tensor.byte_count, 4 * sizeof(float));
    assert_true(read[0] == 0.1F && read[1] == 0 && isinf(read[2]) && isnan(read[3]));
    assert_int_equal(npy_read_as(bytes, TENSOR_INT64, &arena, &tensor, &err), STATUS_INVALID);
    assert_string_equal(err.text, "its type is '<f8' where int64 is wanted");
}

static void test_npy__a_number_beyond_float32_is_refused(void **state) {
    (void)state;
    const double numbers[] = {1, 1e39};
    const struct slice bytes = make(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
                                    numbers, sizeof(numbers));
    struct error err;
    struct tensor tensor;
    assert_int_equal(npy_read_as(bytes, TENSOR_FLOAT32, &arena, &tensor, &err), STATUS_INVALID);
    assert_string_equal(err.text, "its number 1, 1e+39, is beyond float32");
}

static void test_npy__another_type_than_the_wanted_is_refused(void **state) {
    (void)state;
    const float number = 3;
    const struct slice bytes =
        make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", &number, 4);
    struct error err;
    struct tensor tensor;
    assert_int_equal(npy_read_as(bytes, TENSOR_FLOAT32, &arena, &tensor, &err), STATUS_OK);
    assert_int_equal(npy_read_as(bytes, TENSOR_FLOAT16, &arena, &tensor, &err), STATUS_INVALID);
    assert_string_equal(err.text, "its type is '<f4' where float16 is wanted");
}

static void test_npy__hostile_heads_are_refused_with_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *head, *sentence;
    } CASES[] = {
        {"", "no dictionary"},
        {"{}", "has no 'descr'"},
        {"{'descr': '<f4'}", "has no 'fortran_order'"},
        {"{'descr': '<f4', 'fortran_order': False}", "has no 'shape'"},
        {"{'descr': '<f4', 'descr': '<f4'}", "'descr' twice"},
        {"{'x': 1}", "'x' in it"},
        {"{'\x1b[2J': 1}", "'' in it"},
        {"{'descr' '<f4'}", "no dictionary"},
        {"{'descr: 1}", "no dictionary"},
        {"['descr']", "no dictionary"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "no text such as"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "'<c8' is none"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", "'<f16' is none"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "'|O' is none"},
        {"{'descr': '<U5', 'fortran_order': False, 'shape': (1,)}", "'<U5' is none"},
        {"{'descr': '<f', 'fortran_order': False, 'shape': (1,)}", "'<f' is none"},
        {"{'descr': '<f4x', 'fortran_order': False, 'shape': (1,)}", "'<f4x' is none"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", "'' is none"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "big-endian ('>f4')"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", "column by column"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "neither True nor False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "'shape' is not such as"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1", "'shape' is not such as"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 1}", "'shape' is not such as"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,,2)}", "'shape' is not such as"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
         "'shape' is not such as"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "more than 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536)}", "more than 256 MiB"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "asks for 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "asks for 4"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "no dictionary"},
    };
    const double number = 1;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        refused(make(1, CASES[i].head, &number, 7), CASES[i].sentence);
    }
}

static void test_npy__what_is_no_such_file_is_refused(void **state) {
    (void)state;
    static char head[NPY_HEAD_BYTES_MAX + 2];
    refused((struct slice){0}, "does not begin as one");
    refused(SLICE("PK\x03\x04, a folder of arrays (.npz)"), "does not begin as one");
    refused(make(4, "{}", NULL, 0), "version 4");
    refused(make(0, "{}", NULL, 0), "version 0");
    (void)memset(head, ' ', sizeof(head) - 1);
    refused(make(2, head, NULL, 0), "10001 bytes");
    refused(SLICE(BEGIN "\x01\x00\x50\x00{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}"),
            "80 bytes");
    refused(SLICE(BEGIN "\x02\x00\xff\xff\xff\xff{}"), "4294967295 bytes");
}

static void test_npy__a_file_that_is_cut_anywhere_is_refused(void **state) {
    (void)state;
    for (size_t count = 0; count < sizeof(NUMPYS) - 1; count++) {
        refused((struct slice){.bytes = NUMPYS, .count = count}, "");
    }
    refused((struct slice){.bytes = NUMPYS, .count = sizeof(NUMPYS)}, "has 25 bytes of numbers");
}

static void test_npy__what_is_written_is_read_again(void **state) {
    (void)state;
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i % 2);
    }
    for (int type = 0; type < TENSOR_TYPE_COUNT; type++) {
        for (uint32_t rank = 0; rank <= TENSOR_RANK_MAX; rank++) {
            const size_t each = tensor_type_bytes((enum tensor_type)type);
            struct tensor tensor = {.type = (enum tensor_type)type,
                                    .rank = rank,
                                    .shape = {1, 1, 1, 1, 1, 1, 1, 1},
                                    .bytes = bytes,
                                    .byte_count = rank > 0 ? 4 * each : each};
            tensor.shape[rank / 2] = rank > 0 ? 4 : 1;
            CLEANUP(buffer_done) struct buffer out;
            buffer_init(&out, FILE_ROOM);
            if (npy_write(&tensor, &out, NULL) == STATUS_INVALID) {
                assert_string_equal(tensor_type_name(tensor.type), "bfloat16");
                continue;
            }
            const struct tensor back = read_well(buffer_slice(&out));
            assert_int_equal((out.count - tensor.byte_count) % 64, 0);
            assert_int_equal(back.type, tensor.type);
            assert_int_equal(back.rank, rank);
            assert_memory_equal(back.shape, tensor.shape, rank * sizeof(int64_t));
            assert_int_equal(back.byte_count, tensor.byte_count);
            assert_memory_equal(back.bytes, bytes, tensor.byte_count);
        }
    }
}

static void test_npy__what_is_written_is_what_numpy_writes(void **state) {
    (void)state;
    float numbers[] = {1, 2, 3, 4, 5, 6.5F};
    const struct tensor tensor = {.type = TENSOR_FLOAT32,
                                  .rank = 2,
                                  .shape = {2, 3},
                                  .bytes = numbers,
                                  .byte_count = sizeof(numbers)};
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, FILE_ROOM);
    assert_int_equal(npy_write(&tensor, &out, NULL), STATUS_OK);
    assert_int_equal(out.count, sizeof(NUMPYS) - 1);
    assert_memory_equal(out.bytes, NUMPYS, out.count);
}

static void test_npy__memory_that_is_not_there_is_said(void **state) {
    (void)state;
    struct error err;
    struct tensor tensor;
    (void)memory_fail_at(0, 0);
    const status code = npy_read((struct slice){.bytes = NUMPYS, .count = sizeof(NUMPYS) - 1},
                                 &arena, &tensor, &err);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(code, STATUS_NO_MEMORY);
    assert_string_equal(err.text, "no memory for its 6 numbers");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_npy__what_numpy_wrote_is_read),
        TEST(test_npy__a_head_is_read_in_any_order_and_version),
        TEST(test_npy__one_number_and_none_have_a_shape),
        TEST(test_npy__a_truth_is_0_or_1),
        TEST(test_npy__float64_is_rounded_where_float32_is_wanted),
        TEST(test_npy__a_number_beyond_float32_is_refused),
        TEST(test_npy__another_type_than_the_wanted_is_refused),
        TEST(test_npy__hostile_heads_are_refused_with_a_sentence),
        TEST(test_npy__what_is_no_such_file_is_refused),
        TEST(test_npy__a_file_that_is_cut_anywhere_is_refused),
        TEST(test_npy__what_is_written_is_read_again),
        TEST(test_npy__what_is_written_is_what_numpy_writes),
        TEST(test_npy__memory_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
