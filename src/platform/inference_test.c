// SPDX-License-Identifier: Apache-2.0
#include "platform/inference.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/test_model.h"

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};
static char folder[256];
static char path[300];

static int set_up(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        return 0;
    }
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/ebb-model-XXXXXX", above != NULL ? above : "/tmp");
    (void)snprintf(path, sizeof(path), "%s/model.onnx", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}

static void need_library(void) {
    if (folder[0] == '\0') {
        (void)test_model_can_run(); /* says why */
        skip();
    }
}

/* y = x + 1 for rows of two numbers. */
static void write_adder(int opset) {
    struct test_model model;
    const float one[] = {1, 1};
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "?x2");
    test_model_output(&model, "y", ONNX_FLOAT, "?x2");
    test_model_constant(&model, "one", ONNX_FLOAT, "2",
                        (struct slice){.bytes = (const char *)one, .count = sizeof(one)});
    test_model_node(&model, "Add", "x one", "y");
    test_model_write(&model, path, opset);
}

static status run_once(struct inference_model *model, const struct tensor *inputs,
                       float *out_numbers, size_t count, struct error *err) {
    struct inference_run *run = NULL;
    const uint32_t first = 0;
    struct tensor out = {0};
    assert_int_equal(inference_run_create(model, &run, err), STATUS_OK);
    const status code = inference_run(run, inputs, &first, 1, &out, err);
    if (code == STATUS_OK) {
        assert_int_equal(out.type, TENSOR_FLOAT32);
        assert_int_equal(out.byte_count, count * sizeof(*out_numbers));
        (void)memcpy(out_numbers, out.bytes, out.byte_count);
    }
    inference_run_destroy(run);
    return code;
}

static void test_inference__a_model_says_what_it_takes_and_answers(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct inference_model *model = NULL;
    write_adder(ONNX_OPSET);
    assert_int_equal(inference_open(path, &PLAIN, &model, &err), STATUS_OK);
    assert_int_equal(inference_input_count(model), 1);
    assert_int_equal(inference_output_count(model), 1);
    const struct inference_port *port = inference_input(model, 0);
    assert_string_equal(port->name, "x");
    assert_true(port->is_tensor);
    assert_int_equal(port->rank, 2);
    assert_int_equal(port->shape[0], -1);
    assert_int_equal(port->shape[1], 2);
    assert_string_equal(inference_output(model, 0)->name, "y");
    assert_string_equal(inference_provider(model), "cpu");
    float given[] = {1, 2, 3, 4};
    float got[4] = {0};
    const struct tensor input = {.type = TENSOR_FLOAT32,
                                 .rank = 2,
                                 .shape = {2, 2},
                                 .bytes = given,
                                 .byte_count = sizeof(given)};
    assert_int_equal(run_once(model, &input, got, 4, &err), STATUS_OK);
    assert_true(got[0] == 2 && got[3] == 5);
    inference_close(model);
}

static void test_inference__an_input_of_another_shape_or_type_is_refused(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct inference_model *model = NULL;
    write_adder(ONNX_OPSET);
    assert_int_equal(inference_open(path, &PLAIN, &model, &err), STATUS_OK);
    int64_t given[3] = {0};
    float got[4];
    struct tensor input = {
        .type = TENSOR_FLOAT32, .rank = 2, .shape = {1, 3}, .bytes = given, .byte_count = 12};
    assert_int_equal(run_once(model, &input, got, 4, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "dimensions"));
    input = (struct tensor){
        .type = TENSOR_INT64, .rank = 2, .shape = {1, 2}, .bytes = given, .byte_count = 16};
    assert_int_equal(run_once(model, &input, got, 4, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "type"));
    inference_close(model);
}

static void test_inference__two_who_open_one_file_share_it(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct inference_model *first = NULL;
    struct inference_model *second = NULL;
    struct inference_model *other = NULL;
    struct inference_options more = PLAIN;
    more.memory_bytes *= 2;
    write_adder(ONNX_OPSET);
    assert_int_equal(inference_open(path, &PLAIN, &first, &err), STATUS_OK);
    assert_int_equal(inference_open(path, &PLAIN, &second, &err), STATUS_OK);
    assert_int_equal(inference_open(path, &more, &other, &err), STATUS_OK);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    inference_close(first);
    float given[] = {1, 2};
    float got[2];
    const struct tensor input = {
        .type = TENSOR_FLOAT32, .rank = 2, .shape = {1, 2}, .bytes = given, .byte_count = 8};
    assert_int_equal(run_once(second, &input, got, 2, &err), STATUS_OK);
    inference_close(second);
    inference_close(other);
    inference_close(NULL);
}

static status open_fails(struct error *err) {
    struct inference_model *model = NULL;
    const status code = inference_open(path, &PLAIN, &model, err);
    assert_int_not_equal(code, STATUS_OK);
    assert_non_null(strstr(err->text, path));
    return code;
}

static void write_bytes(struct slice bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.count, file), bytes.count);
    assert_int_equal(fclose(file), 0);
}

static void test_inference__what_is_no_model_is_refused(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    write_bytes(SLICE(""));
    (void)open_fails(&err);
    write_bytes(SLICE("\x89PNG\r\n\x1a\n this is a picture"));
    assert_int_equal(open_fails(&err), STATUS_CORRUPT);
    write_adder(999);
    assert_int_equal(open_fails(&err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "the model is of opset"));
    assert_non_null(strstr(err.text, "opset 999"));
    struct inference_model *model = NULL;
    assert_int_equal(inference_open("/nowhere/model.onnx", &PLAIN, &model, &err), STATUS_NOT_FOUND);
    assert_int_equal(inference_open("/tmp", &PLAIN, &model, &err), STATUS_INVALID);
}

/* Cut anywhere, with any byte changed: a sentence or a model, never an end of the process. */
static void test_inference__a_damaged_model_harms_nobody(void **state) {
    (void)state;
    need_library();
    write_adder(ONNX_OPSET);
    CLEANUP(buffer_done) struct buffer whole;
    buffer_init(&whole, 1 << 20);
    struct error err = {0};
    assert_int_equal(file_read(path, &whole, &err), STATUS_OK);
    for (size_t i = 0; i < whole.count; i++) {
        struct inference_model *model = NULL;
        write_bytes((struct slice){.bytes = whole.bytes, .count = i});
        (void)inference_open(path, &PLAIN, &model, &err);
        inference_close(model);
        model = NULL;
        whole.bytes[i] = (char)(whole.bytes[i] ^ 0x55);
        write_bytes(buffer_slice(&whole));
        whole.bytes[i] = (char)(whole.bytes[i] ^ 0x55);
        (void)inference_open(path, &PLAIN, &model, &err);
        inference_close(model);
    }
}

/* 1024 x 1024 floats are made of one: 4 MiB, and as much again for the answer. */
static void write_hungry(void) {
    struct test_model model;
    const int64_t shape[] = {1024, 1024};
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1");
    test_model_output(&model, "y", ONNX_FLOAT, "?x?");
    test_model_constant(&model, "shape", ONNX_INT64, "2",
                        (struct slice){.bytes = (const char *)shape, .count = sizeof(shape)});
    test_model_node(&model, "Expand", "x shape", "wide");
    test_model_node(&model, "MatMul", "wide wide", "y");
    test_model_write(&model, path, ONNX_OPSET);
}

static void test_inference__what_needs_more_memory_than_it_may_have_fails(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct inference_model *model = NULL;
    struct inference_options options = PLAIN;
    float given[] = {1};
    static float got[1024 * 1024];
    const struct tensor input = {
        .type = TENSOR_FLOAT32, .rank = 1, .shape = {1}, .bytes = given, .byte_count = 4};
    write_hungry();
    options.memory_bytes = 6 << 20;
    assert_int_equal(inference_open(path, &options, &model, &err), STATUS_OK);
    assert_int_equal(run_once(model, &input, got, 1024 * 1024, &err), STATUS_FULL);
    assert_string_equal(err.text, "it needs more memory than the 6 MiB that it may have");
    inference_close(model);
    options.memory_bytes = 16 << 20;
    assert_int_equal(inference_open(path, &options, &model, &err), STATUS_OK);
    assert_int_equal(run_once(model, &input, got, 1024 * 1024, &err), STATUS_OK);
    assert_true(got[0] == 1024);
    inference_close(model);
    options.memory_bytes = 100;
    assert_int_equal(inference_open(path, &options, &model, &err), STATUS_FULL);
    assert_non_null(strstr(err.text, "its file alone"));
}

/* What could be computed when the model is opened is bounded as well: there it would not count. */
static void test_inference__constants_that_are_computed_are_bounded(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct test_model large;
    struct inference_model *model = NULL;
    struct inference_options options = PLAIN;
    const int64_t shape[] = {3000, 3000};
    float given[] = {1};
    float got;
    const struct tensor input = {
        .type = TENSOR_FLOAT32, .rank = 1, .shape = {1}, .bytes = given, .byte_count = 4};
    test_model_begin(&large);
    test_model_input(&large, "x", ONNX_FLOAT, "1");
    test_model_output(&large, "y", ONNX_FLOAT, "?x?");
    test_model_constant(&large, "shape", ONNX_INT64, "2",
                        (struct slice){.bytes = (const char *)shape, .count = sizeof(shape)});
    test_model_node(&large, "ConstantOfShape", "shape", "wide");
    test_model_node(&large, "ReduceSum", "wide", "sum");
    test_model_node(&large, "Add", "x sum", "y");
    test_model_write(&large, path, ONNX_OPSET);
    options.memory_bytes = 16 << 20;
    assert_int_equal(inference_open(path, &options, &model, &err), STATUS_OK);
    assert_int_equal(run_once(model, &input, &got, 1, &err), STATUS_FULL);
    inference_close(model);
    assert_int_equal(inference_open(path, &PLAIN, &model, &err), STATUS_OK);
    assert_int_equal(run_once(model, &input, &got, 1, &err), STATUS_OK);
    assert_true(got == 1);
    inference_close(model);
}

static void *stop_soon(void *run) {
    const struct timespec nap = {.tv_nsec = 20000000};
    (void)nanosleep(&nap, NULL);
    inference_stop(run);
    return NULL;
}

static void test_inference__a_run_without_end_can_be_stopped(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct test_model endless;
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    test_model_begin(&endless);
    test_model_input(&endless, "x", ONNX_FLOAT, "?");
    test_model_output(&endless, "y", ONNX_FLOAT, "?");
    test_model_endless(&endless, "x", "y");
    test_model_write(&endless, path, ONNX_OPSET);
    assert_int_equal(inference_open(path, &PLAIN, &model, &err), STATUS_OK);
    float given[] = {1, 2};
    const struct tensor input = {
        .type = TENSOR_FLOAT32, .rank = 1, .shape = {2}, .bytes = given, .byte_count = 8};
    const uint32_t first = 0;
    struct tensor out;
    pthread_t thread;
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, run), 0);
    assert_int_equal(inference_run(run, &input, &first, 1, &out, &err), STATUS_TIMEOUT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    inference_run_destroy(run);
    inference_close(model);
}

static void test_inference__a_provider_that_is_not_here_is_passed_over(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct inference_model *model = NULL;
    struct inference_options options = PLAIN;
    options.providers[0] = 5; /* qnn: no library for this machine has it */
    options.provider_count = 1;
    write_adder(ONNX_OPSET);
    assert_int_equal(inference_open(path, &options, &model, &err), STATUS_OK);
    assert_string_equal(inference_provider(model), "cpu");
    inference_close(model);
}

static void test_inference__a_run_without_memory_fails(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct inference_model *model = NULL;
    write_adder(ONNX_OPSET);
    for (long i = 0;; i++) {
        (void)memory_fail_at(i, 0);
        const status code = inference_open(path, &PLAIN, &model, &err);
        const bool failed = i < (long)memory_fail_at(-1, 0);
        if (code == STATUS_OK) {
            inference_close(model);
        }
        if (!failed) {
            assert_int_equal(code, STATUS_OK);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inference__a_model_says_what_it_takes_and_answers),
        cmocka_unit_test(test_inference__an_input_of_another_shape_or_type_is_refused),
        cmocka_unit_test(test_inference__two_who_open_one_file_share_it),
        cmocka_unit_test(test_inference__what_is_no_model_is_refused),
        cmocka_unit_test(test_inference__a_damaged_model_harms_nobody),
        cmocka_unit_test(test_inference__what_needs_more_memory_than_it_may_have_fails),
        cmocka_unit_test(test_inference__constants_that_are_computed_are_bounded),
        cmocka_unit_test(test_inference__a_run_without_end_can_be_stopped),
        cmocka_unit_test(test_inference__a_provider_that_is_not_here_is_passed_over),
        cmocka_unit_test(test_inference__a_run_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
