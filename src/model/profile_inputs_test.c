// SPDX-License-Identifier: Apache-2.0
#include "model/profile_inputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/float16.h"
#include "base/memory.h"

#include <cmocka.h>

static void test_profile_inputs__read_shapes_and_numbers(void **state) {
    (void)state;
    struct profile_input input;
    struct error err = {0};
    assert_int_equal(profile_input_read_shape(SLICE("a=b:0=1x3x48x320"), &input, &err), STATUS_OK);
    assert_true(slice_is(input.name, "a=b:0"));
    assert_true(input.has_shape && !input.has_number);
    assert_int_equal(input.rank, 4);
    assert_int_equal(input.shape[0], 1);
    assert_int_equal(input.shape[3], 320);
    assert_int_equal(profile_input_read_number(SLICE("sr=-1.5"), &input, &err), STATUS_OK);
    assert_true(slice_is(input.name, "sr"));
    assert_true(input.has_number && !input.has_shape && input.number == -1.5);
}

static void test_profile_inputs__refuse_what_is_no_shape_or_number(void **state) {
    (void)state;
    static const char *const SHAPES[] = {"",
                                         "input",
                                         "=1x2",
                                         "input=",
                                         "input=x",
                                         "i=1x",
                                         "i=x1",
                                         "i=1xx2",
                                         "i=-1",
                                         "i=1y2",
                                         "i=1 x2",
                                         "i=99999999999",
                                         "i=1x1x1x1x1x1x1x1x1"};
    static const char *const NUMBERS[] = {"", "sr", "sr=", "=1", "sr=x", "sr=1x", "sr=1 2"};
    struct profile_input input;
    struct error err = {0};
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        assert_int_equal(profile_input_read_shape(slice_of(SHAPES[i]), &input, &err),
                         STATUS_INVALID);
    }
    assert_string_equal(err.text, "`i=1x1x1x1x1x1x1x1x1` is no shape of an input: its name and at "
                                  "most 8 sizes, like input=1x3x48x320");
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        assert_int_equal(profile_input_read_number(slice_of(NUMBERS[i]), &input, &err),
                         STATUS_INVALID);
    }
    assert_string_equal(err.text, "`sr=1 2` is no number of an input: its name and the number, "
                                  "like sr=16000");
}

static struct inference_port port_of(const char *name, enum tensor_type type, int64_t first,
                                     int64_t second) {
    return (struct inference_port){
        .name = name, .is_tensor = true, .type = type, .rank = 2, .shape = {first, second}};
}

static bool is_in_range(const struct tensor *tensor, size_t at) {
    switch (tensor->type) {
    case TENSOR_FLOAT32:
        return ((float *)tensor->bytes)[at] >= -1 && ((float *)tensor->bytes)[at] <= 1;
    case TENSOR_FLOAT64:
        return ((double *)tensor->bytes)[at] >= -1 && ((double *)tensor->bytes)[at] <= 1;
    case TENSOR_FLOAT16:
        return float16_to_float(((uint16_t *)tensor->bytes)[at] & 0x7fff) <= 1;
    case TENSOR_BFLOAT16:
        return bfloat16_to_float(((uint16_t *)tensor->bytes)[at] & 0x7fff) <= 1;
    case TENSOR_INT64:
    case TENSOR_UINT64:
        return ((uint64_t *)tensor->bytes)[at] <= 1;
    case TENSOR_INT32:
    case TENSOR_UINT32:
        return ((uint32_t *)tensor->bytes)[at] <= 1;
    case TENSOR_BOOLEAN:
        return ((uint8_t *)tensor->bytes)[at] <= 1;
    default:
        return true;
    }
}

static void test_profile_inputs__every_type_is_filled_within_its_range(void **state) {
    (void)state;
    struct tensor tensor;
    for (int type = 0; type < TENSOR_TYPE_COUNT; type++) {
        const struct inference_port port = port_of("x", (enum tensor_type)type, -1, 1000);
        assert_int_equal(profile_inputs_make(&port, 1, NULL, 0, 1, &tensor, NULL), STATUS_OK);
        assert_int_equal(tensor.rank, 2);
        assert_int_equal(tensor.shape[0], 1);
        assert_int_equal(tensor.shape[1], 1000);
        assert_int_equal(tensor.byte_count, 1000 * tensor_type_bytes(tensor.type));
        const char *bytes = tensor.bytes;
        bool differ = false;
        for (size_t i = tensor_type_bytes(tensor.type); i < tensor.byte_count; i++) {
            differ = differ || bytes[i] != bytes[i - tensor_type_bytes(tensor.type)];
        }
        assert_true(differ);
        for (size_t i = 0; i < 1000; i++) {
            assert_true(is_in_range(&tensor, i));
        }
        profile_inputs_done(&tensor, 1);
    }
}

static void test_profile_inputs__are_the_same_for_the_same_seed_and_name(void **state) {
    (void)state;
    const struct inference_port ports[] = {port_of("a", TENSOR_FLOAT32, 3, 4),
                                           port_of("b", TENSOR_FLOAT32, 3, 4)};
    struct tensor both[2];
    struct tensor second;
    struct tensor other;
    assert_int_equal(profile_inputs_make(ports, 2, NULL, 0, 1, both, NULL), STATUS_OK);
    assert_int_equal(profile_inputs_make(&ports[1], 1, NULL, 0, 1, &second, NULL), STATUS_OK);
    assert_int_equal(profile_inputs_make(&ports[1], 1, NULL, 0, 2, &other, NULL), STATUS_OK);
    assert_memory_equal(both[1].bytes, second.bytes, second.byte_count);
    assert_memory_not_equal(both[0].bytes, second.bytes, second.byte_count);
    assert_memory_not_equal(other.bytes, second.bytes, second.byte_count);
    profile_inputs_done(both, 2);
    profile_inputs_done(&second, 1);
    profile_inputs_done(&other, 1);
}

static void test_profile_inputs__what_is_said_counts(void **state) {
    (void)state;
    const struct inference_port port = port_of("x", TENSOR_INT64, -1, -1);
    struct profile_input said[2];
    struct tensor tensor;
    assert_int_equal(profile_input_read_shape(SLICE("x=2x3"), &said[0], NULL), STATUS_OK);
    assert_int_equal(profile_input_read_number(SLICE("x=16000"), &said[1], NULL), STATUS_OK);
    assert_int_equal(profile_inputs_make(&port, 1, said, 2, 1, &tensor, NULL), STATUS_OK);
    assert_int_equal(tensor.byte_count, 6 * 8);
    for (size_t i = 0; i < 6; i++) {
        assert_true(((int64_t *)tensor.bytes)[i] == 16000);
    }
    profile_inputs_done(&tensor, 1);
}

static void test_profile_inputs__a_number_is_put_as_its_type_has_it(void **state) {
    (void)state;
    struct profile_input said;
    struct tensor tensor;
    assert_int_equal(profile_input_read_number(SLICE("x=-2"), &said, NULL), STATUS_OK);
    struct inference_port port = port_of("x", TENSOR_INT16, 1, 2);
    assert_int_equal(profile_inputs_make(&port, 1, &said, 1, 1, &tensor, NULL), STATUS_OK);
    assert_int_equal(((int16_t *)tensor.bytes)[1], -2);
    profile_inputs_done(&tensor, 1);
    port.type = TENSOR_INT8;
    assert_int_equal(profile_inputs_make(&port, 1, &said, 1, 1, &tensor, NULL), STATUS_OK);
    assert_int_equal(((int8_t *)tensor.bytes)[1], -2);
    profile_inputs_done(&tensor, 1);
    port.type = TENSOR_FLOAT64;
    assert_int_equal(profile_inputs_make(&port, 1, &said, 1, 1, &tensor, NULL), STATUS_OK);
    assert_true(((double *)tensor.bytes)[1] == -2);
    profile_inputs_done(&tensor, 1);
    port.type = TENSOR_BFLOAT16;
    assert_int_equal(profile_inputs_make(&port, 1, &said, 1, 1, &tensor, NULL), STATUS_OK);
    assert_true(bfloat16_to_float(((uint16_t *)tensor.bytes)[1]) == -2);
    profile_inputs_done(&tensor, 1);
}

static void expect_misfit(struct inference_port port, const char *shape, const char *number,
                          const char *sentence) {
    struct profile_input said;
    struct tensor tensor;
    struct error err = {0};
    const status read = shape != NULL ? profile_input_read_shape(slice_of(shape), &said, &err)
                                      : profile_input_read_number(slice_of(number), &said, &err);
    assert_int_equal(read, STATUS_OK);
    assert_int_not_equal(profile_inputs_make(&port, 1, &said, 1, 1, &tensor, &err), STATUS_OK);
    assert_string_equal(err.text, sentence);
    profile_inputs_done(&tensor, 1);
}

static void test_profile_inputs__what_does_not_fit_is_told(void **state) {
    (void)state;
    const struct inference_port floats = port_of("x", TENSOR_FLOAT32, -1, 3);
    const struct inference_port bytes = port_of("x", TENSOR_UINT8, -1, 3);
    expect_misfit(floats, "x=1x4", NULL, "input 'x' has the shape ?x3: it cannot be 1x4");
    expect_misfit(floats, "x=3", NULL, "input 'x' has the shape ?x3: it cannot be 3");
    expect_misfit(floats, "x=100000000x3", NULL, "input 'x' would have more than 256 MiB");
    expect_misfit(bytes, NULL, "x=256", "input 'x' is of type uint8, which has no 256");
    expect_misfit(port_of("x", TENSOR_INT16, 1, 1), NULL, "x=-32769",
                  "input 'x' is of type int16, which has no -32769");
    expect_misfit(bytes, NULL, "x=0.5", "input 'x' is of type uint8, which has no 0.5");
    struct inference_port strange = floats;
    strange.is_tensor = false;
    expect_misfit(strange, NULL, "y=1", "input 'x' is of a type that ebb has not");
}

static void test_profile_inputs__a_failing_allocation_is_told(void **state) {
    (void)state;
    const struct inference_port ports[] = {port_of("a", TENSOR_FLOAT32, 3, 4),
                                           port_of("b", TENSOR_FLOAT32, 3, 4)};
    struct tensor both[2];
    for (long k = 0; k < 2; k++) {
        (void)memory_fail_at(k, 0);
        assert_int_equal(profile_inputs_make(ports, 2, NULL, 0, 1, both, NULL), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
        profile_inputs_done(both, 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_inputs__read_shapes_and_numbers),
        cmocka_unit_test(test_profile_inputs__refuse_what_is_no_shape_or_number),
        cmocka_unit_test(test_profile_inputs__every_type_is_filled_within_its_range),
        cmocka_unit_test(test_profile_inputs__are_the_same_for_the_same_seed_and_name),
        cmocka_unit_test(test_profile_inputs__what_is_said_counts),
        cmocka_unit_test(test_profile_inputs__a_number_is_put_as_its_type_has_it),
        cmocka_unit_test(test_profile_inputs__what_does_not_fit_is_told),
        cmocka_unit_test(test_profile_inputs__a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
