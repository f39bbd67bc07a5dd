// SPDX-License-Identifier: Apache-2.0
#include "platform/inference_ports.h"

#include <string.h>

#include "base/memory.h"
#include "platform/test_model.h"

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};

static void need_library(void) {
    if (!test_model_can_run()) {
        skip();
    }
}

/* Is done with the model. */
static status open_it(struct test_model *model, struct inference_model **out_model,
                      struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    test_model_bytes(model, ONNX_OPSET, &bytes);
    return inference_open_bytes(buffer_slice(&bytes), &PLAIN, out_model, err);
}

static void test_inference_ports__numbers_of_each_type_go_in_and_come_out(void **state) {
    (void)state;
    need_library();
    static const int TYPES[TENSOR_TYPE_COUNT] = {
        [TENSOR_FLOAT32] = ONNX_FLOAT,     [TENSOR_FLOAT16] = ONNX_FLOAT16,
        [TENSOR_UINT8] = ONNX_UINT8,       [TENSOR_INT8] = ONNX_INT8,
        [TENSOR_INT32] = ONNX_INT32,       [TENSOR_INT64] = ONNX_INT64,
        [TENSOR_BOOLEAN] = ONNX_BOOL,      [TENSOR_FLOAT64] = ONNX_DOUBLE,
        [TENSOR_BFLOAT16] = ONNX_BFLOAT16, [TENSOR_INT16] = ONNX_INT16,
        [TENSOR_UINT16] = ONNX_UINT16,     [TENSOR_UINT32] = ONNX_UINT32,
        [TENSOR_UINT64] = ONNX_UINT64,
    };
    unsigned char given[3 * 8];
    for (size_t i = 0; i < sizeof(given); i++) {
        given[i] = (unsigned char)(i % 2);
    }
    for (int type = 0; type < TENSOR_TYPE_COUNT; type++) {
        struct test_model text;
        struct inference_model *model = NULL;
        struct inference_run *run = NULL;
        struct error err = {0};
        struct tensor in = {.type = (enum tensor_type)type, .rank = 1, .shape = {3}};
        struct tensor out = {0};
        const uint32_t first = 0;
        in.bytes = given;
        in.byte_count = 3 * tensor_type_bytes(in.type);
        test_model_begin(&text);
        test_model_input(&text, "x", TYPES[type], "?");
        test_model_output(&text, "y", TYPES[type], "?");
        test_model_node(&text, "Identity", "x", "y");
        if (open_it(&text, &model, &err) != STATUS_OK) {
            fail_msg("%s: %s", tensor_type_name(in.type), err.text);
        }
        assert_true(inference_input(model, 0)->is_tensor);
        assert_int_equal(inference_input(model, 0)->type, type);
        assert_int_equal(inference_output(model, 0)->type, type);
        assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
        assert_int_equal(inference_run(run, &in, &first, 1, &out, &err), STATUS_OK);
        assert_int_equal(out.type, type);
        assert_int_equal(out.byte_count, in.byte_count);
        assert_memory_equal(out.bytes, given, in.byte_count);
        inference_run_destroy(run);
        inference_close(model);
    }
}

static void test_inference_ports__doubles_are_computed_as_doubles(void **state) {
    (void)state;
    need_library();
    struct test_model text;
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    struct error err = {0};
    double given[] = {1.0 / 3, 9007199254740991.0};
    const struct tensor in = {.type = TENSOR_FLOAT64,
                              .rank = 1,
                              .shape = {2},
                              .bytes = given,
                              .byte_count = sizeof(given)};
    struct tensor out = {0};
    const uint32_t first = 0;
    test_model_begin(&text);
    test_model_input(&text, "x", ONNX_DOUBLE, "2");
    test_model_output(&text, "y", ONNX_DOUBLE, "2");
    test_model_node(&text, "Mul", "x x", "y");
    assert_int_equal(open_it(&text, &model, &err), STATUS_OK);
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(inference_run(run, &in, &first, 1, &out, &err), STATUS_OK);
    assert_true(((double *)out.bytes)[0] == given[0] * given[0]);
    assert_true(((double *)out.bytes)[1] == given[1] * given[1]);
    inference_run_destroy(run);
    inference_close(model);
}

static const char *name_of(char letter, uint32_t index) {
    static char name[16];
    (void)snprintf(name, sizeof(name), "%c%u", letter, index);
    return name;
}

/* y0 = x0 + x1, y1 = x1 + x2, ... with one input more than outputs. */
static void make_many(struct test_model *model, uint32_t outputs) {
    test_model_begin(model);
    for (uint32_t i = 0; i <= outputs; i++) {
        test_model_input(model, name_of('x', i), ONNX_FLOAT, "1");
    }
    for (uint32_t i = 0; i < outputs; i++) {
        char inputs[32];
        (void)snprintf(inputs, sizeof(inputs), "x%u x%u", i, i + 1);
        test_model_output(model, name_of('y', i), ONNX_FLOAT, "1");
        test_model_node(model, "Add", inputs, name_of('y', i));
    }
}

static void test_inference_ports__a_tool_may_have_hundreds(void **state) {
    (void)state;
    need_library();
    enum { OUTPUTS = INFERENCE_PORTS_MAX - 1 };
    static float given[OUTPUTS + 1];
    static struct tensor in[OUTPUTS + 1];
    static struct tensor out[OUTPUTS];
    static uint32_t wanted[OUTPUTS];
    struct test_model text;
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    struct error err = {0};
    make_many(&text, OUTPUTS);
    if (open_it(&text, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(inference_input_count(model), OUTPUTS + 1);
    assert_int_equal(inference_output_count(model), OUTPUTS);
    assert_string_equal(inference_output(model, OUTPUTS - 1)->name, name_of('y', OUTPUTS - 1));
    for (uint32_t i = 0; i <= OUTPUTS; i++) {
        given[i] = (float)i;
        in[i] = (struct tensor){.rank = 1, .shape = {1}, .bytes = &given[i], .byte_count = 4};
    }
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        wanted[i] = OUTPUTS - 1 - i;
    }
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(inference_run(run, in, wanted, OUTPUTS, out, &err), STATUS_OK);
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        assert_true(*(const float *)out[i].bytes == (float)(2 * wanted[i] + 1));
    }
    inference_run_destroy(run);
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(inference_run(run, in, wanted + 7, 2, out, &err), STATUS_OK);
    assert_true(*(const float *)out[1].bytes == (float)(2 * wanted[8] + 1));
    inference_run_destroy(run);
    inference_close(model);
    model = NULL;
    make_many(&text, OUTPUTS + 1);
    assert_int_equal(open_it(&text, &model, &err), STATUS_INVALID);
    assert_string_equal(err.text,
                        "open a model in memory: it has 1025 inputs: at most 1024 can be used");
}

static void test_inference_ports__a_run_without_memory_fails(void **state) {
    (void)state;
    need_library();
    struct test_model text;
    struct inference_model *model = NULL;
    struct error err = {0};
    make_many(&text, 100);
    CLEANUP(buffer_done) struct buffer bytes;
    test_model_bytes(&text, ONNX_OPSET, &bytes);
    for (long i = 0;; i++) {
        struct inference_run *run = NULL;
        (void)memory_fail_at(i, 0);
        model = NULL;
        status code = inference_open_bytes(buffer_slice(&bytes), &PLAIN, &model, &err);
        if (code == STATUS_OK) {
            code = inference_run_create(model, &run, &err);
        }
        const bool failed = i < (long)memory_fail_at(-1, 0);
        inference_run_destroy(run);
        inference_close(model);
        if (!failed) {
            assert_int_equal(code, STATUS_OK);
            assert_true(i >= 6);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inference_ports__numbers_of_each_type_go_in_and_come_out),
        cmocka_unit_test(test_inference_ports__doubles_are_computed_as_doubles),
        cmocka_unit_test(test_inference_ports__a_tool_may_have_hundreds),
        cmocka_unit_test(test_inference_ports__a_run_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
