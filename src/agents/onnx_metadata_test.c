// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

static struct onnx_metadata good(const char *json) {
    struct onnx_metadata metadata;
    struct error err = {0};
    if (onnx_metadata_read(slice_of(json), &arena, &metadata, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return metadata;
}

static void refused(const char *json, const char *why) {
    struct onnx_metadata metadata;
    struct error err = {0};
    assert_int_equal(onnx_metadata_read(slice_of(json), &arena, &metadata, &err), STATUS_INVALID);
    if (strstr(err.text, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, err.text);
    }
}

static void test_onnx_metadata__what_is_missing_is_as_the_guide_has_it(void **state) {
    (void)state;
    const struct onnx_metadata metadata = good("{}");
    const int64_t shape[TENSOR_RANK_MAX] = {1, 3, 224, 224};
    assert_int_equal(metadata.rank, 4);
    assert_memory_equal(metadata.shape, shape, sizeof(shape));
    assert_int_equal(metadata.type, TENSOR_FLOAT32);
    assert_int_equal(metadata.channels, 3);
    assert_true(metadata.means[1] == 0.456 && metadata.deviations[2] == 0.225);
}

static void test_onnx_metadata__a_whole_one(void **state) {
    (void)state;
    const struct onnx_metadata metadata =
        good("{\"input_shape\":[null,\"rows\",-1,5],\"input_type\":\"uint8\",\"author\":7,"
             "\"preprocessing\":{\"std\":[1,2,3,4,5]}}");
    const int64_t shape[TENSOR_RANK_MAX] = {-1, -1, -1, 5};
    assert_memory_equal(metadata.shape, shape, sizeof(shape));
    assert_int_equal(metadata.type, TENSOR_UINT8);
    assert_int_equal(metadata.channels, 5);
    assert_true(metadata.means[4] == 0 && metadata.deviations[4] == 5);
}

static void test_onnx_metadata__rows_without_three_channels_are_not_scaled(void **state) {
    (void)state;
    assert_int_equal(good("{\"input_shape\":[1,7]}").channels, 0);
    assert_int_equal(good("{\"input_shape\":[1,3]}").channels, 0);
    assert_int_equal(good("{\"input_shape\":[1,8,8,3]}").channels, 3);
    assert_int_equal(good("{\"preprocessing\":{}}").channels, 0);
    assert_int_equal(good("{\"preprocessing\":{\"mean\":0.5}}").channels, 1);
}

static void test_onnx_metadata__what_is_wrong_is_named(void **state) {
    (void)state;
    refused("[]", "metadata is an object, not a list");
    refused("{", "not JSON at 1:2");
    refused("{\"input_shape\":3}", "`input_shape` is a list of at most 8 sizes");
    refused("{\"input_shape\":[1,0]}", "size 1 of `input_shape`");
    refused("{\"input_shape\":[1,1.5]}", "size 1 of `input_shape`");
    refused("{\"input_shape\":[1,1,1,1,1,1,1,1,1]}", "at most 8");
    refused("{\"input_type\":\"double\"}", "`input_type` is one of float32, float16");
    refused("{\"preprocessing\":{\"mean\":[1,2],\"std\":[1]}}", "`mean` has 2 numbers and `std`");
    refused("{\"preprocessing\":{\"std\":[0]}}",
            "`std` of `preprocessing` is a list of numbers above");
    refused("{\"preprocessing\":{\"mean\":[]}}", "`mean` of `preprocessing`");
    refused("{\"preprocessing\":{\"mean\":\"a\"}}", "`mean` of `preprocessing`");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_metadata__what_is_missing_is_as_the_guide_has_it),
        cmocka_unit_test(test_onnx_metadata__a_whole_one),
        cmocka_unit_test(test_onnx_metadata__rows_without_three_channels_are_not_scaled),
        cmocka_unit_test(test_onnx_metadata__what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
