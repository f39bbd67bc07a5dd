// SPDX-License-Identifier: Apache-2.0
#include "base/tensor_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static double number(enum tensor_type type, const void *bytes, size_t index) {
    union {
        const void *shown;
        void *bytes;
    } place = {.shown = bytes};
    const struct tensor tensor = {.type = type, .bytes = place.bytes};
    return tensor_number_at(&tensor, index);
}

static void test_tensor_number__reads_every_type_at_its_place(void **state) {
    (void)state;
    assert_true(number(TENSOR_FLOAT32, (const float[]){1, -2.5F}, 1) == -2.5);
    assert_true(number(TENSOR_FLOAT64, (const double[]){1, 1e-300}, 1) == 1e-300);
    assert_true(number(TENSOR_FLOAT16, (const uint16_t[]){0, 0x3c00}, 1) == 1);
    assert_true(number(TENSOR_BFLOAT16, (const uint16_t[]){0, 0x3f80}, 1) == 1);
    assert_true(number(TENSOR_UINT8, (const uint8_t[]){0, 255}, 1) == 255);
    assert_true(number(TENSOR_INT8, (const int8_t[]){0, -128}, 1) == -128);
    assert_true(number(TENSOR_UINT16, (const uint16_t[]){0, 65535}, 1) == 65535);
    assert_true(number(TENSOR_INT16, (const int16_t[]){0, -32768}, 1) == -32768);
    assert_true(number(TENSOR_UINT32, (const uint32_t[]){0, UINT32_MAX}, 1) == UINT32_MAX);
    assert_true(number(TENSOR_INT32, (const int32_t[]){0, INT32_MIN}, 1) == INT32_MIN);
    assert_true(number(TENSOR_UINT64, (const uint64_t[]){0, UINT64_MAX}, 1) == 0x1p64);
    assert_true(number(TENSOR_INT64, (const int64_t[]){0, -5}, 1) == -5);
    assert_true(number(TENSOR_BOOLEAN, (const uint8_t[]){0, 1}, 1) == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_number__reads_every_type_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
