// SPDX-License-Identifier: Apache-2.0
#include "platform/lite_model.h"

#include "base/memory.h"
#include "platform/inference.h"
#include "platform/lite_file.h"
#include "platform/test_lite.h"

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};

static bool can_run;

/* --- before there is a library: a process loads one, once --- */

static status open_one(const struct inference_options *options, struct inference_model **out_model,
                       struct error *err) {
    struct test_lite model = {.added = 1};
    CLEANUP(buffer_done) struct buffer file;
    test_lite_bytes(&model, &file);
    return inference_open_bytes(buffer_slice(&file), options, out_model, err);
}

static void expect_failure(const struct inference_options *options, status code,
                           const char *sentence) {
    struct inference_model *model = NULL;
    struct error err = {0};
    assert_int_equal(open_one(options, &model, &err), code);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' is not in: %s", sentence, err.text);
    }
}

static void test_lite_model__without_the_library_a_sentence_says_what_is_missing(void **state) {
    (void)state;
    char *named = getenv("EBB_TENSORFLOW_LITE");
    char kept[1024] = "";
    if (named != NULL) {
        (void)snprintf(kept, sizeof(kept), "%s", named);
    }
    assert_int_equal(setenv("EBB_TENSORFLOW_LITE", "/nowhere/lite.so", 1), 0);
    expect_failure(&PLAIN, STATUS_NOT_FOUND,
                   "load TensorFlow Lite, EBB_TENSORFLOW_LITE: /nowhere/lite.so");
    assert_int_equal(setenv("EBB_TENSORFLOW_LITE", "libm.so.6", 1), 0);
    expect_failure(&PLAIN, STATUS_INVALID,
                   "libm.so.6 is no TensorFlow Lite from release 2.2 on: it has no TfLiteVersion");
    assert_int_equal(setenv("EBB_TENSORFLOW_LITE", "/proc/self/cmdline", 1), 0);
    expect_failure(&PLAIN, STATUS_NOT_FOUND, "load TensorFlow Lite");
    assert_int_equal(unsetenv("EBB_TENSORFLOW_LITE"), 0);
    if (kept[0] != '\0') {
        assert_int_equal(setenv("EBB_TENSORFLOW_LITE", kept, 1), 0);
    }
    can_run = test_lite_can_run();
}

/* --- with it --- */

static void need_library(void) {
    if (!can_run) {
        (void)test_lite_can_run(); /* says why */
        skip();
    }
}

static void open_it(const struct inference_options *options, struct inference_model **out_model) {
    struct error err = {0};
    if (open_one(options, out_model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static struct tensor row(float *numbers, uint32_t count) {
    return (struct tensor){.type = TENSOR_FLOAT32,
                           .rank = 1,
                           .shape = {count},
                           .bytes = numbers,
                           .byte_count = count * sizeof(float)};
}

static const float *run_it(struct inference_run *run, float first, float second) {
    const uint32_t wanted = 0;
    struct error err = {0};
    struct tensor out;
    float numbers[TEST_LITE_WEIGHTS] = {first, second};
    const struct tensor input = row(numbers, TEST_LITE_WEIGHTS);
    if (inference_run(run, &input, &wanted, 1, &out, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(out.type, TENSOR_FLOAT32);
    assert_int_equal(out.rank, 1);
    assert_int_equal(out.shape[0], TEST_LITE_WEIGHTS);
    assert_int_equal(out.byte_count, TEST_LITE_WEIGHTS * sizeof(float));
    return out.bytes;
}

static void expect_sums(struct inference_model *model) {
    struct inference_run *run = NULL;
    struct error err = {0};
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    const float *sums = run_it(run, 2, -3);
    assert_true(sums[0] == 3 && sums[1] == -2);
    inference_run_destroy(run);
}

static void test_lite_model__it_says_what_it_takes_and_answers(void **state) {
    (void)state;
    need_library();
    struct inference_model *model = NULL;
    open_it(&PLAIN, &model);
    assert_int_equal(inference_input_count(model), 1);
    assert_int_equal(inference_output_count(model), 1);
    const struct inference_port *input = inference_input(model, 0);
    assert_string_equal(input->name, "x");
    assert_string_equal(inference_output(model, 0)->name, "y");
    assert_true(input->is_tensor);
    assert_int_equal(input->type, TENSOR_FLOAT32);
    assert_int_equal(input->rank, 1);
    assert_int_equal(input->shape[0], TEST_LITE_WEIGHTS);
    assert_string_equal(inference_provider(model), "cpu");
    expect_sums(model);
    expect_sums(model);
    inference_close(model);
}

static void test_lite_model__two_runs_at_once_do_not_share_numbers(void **state) {
    (void)state;
    need_library();
    struct inference_model *model = NULL;
    struct inference_run *first = NULL;
    struct inference_run *second = NULL;
    struct error err = {0};
    open_it(&PLAIN, &model);
    assert_int_equal(inference_run_create(model, &first, &err), STATUS_OK);
    assert_int_equal(inference_run_create(model, &second, &err), STATUS_OK);
    const float *one = run_it(first, 10, 20);
    const float *other = run_it(second, 30, 40);
    assert_true(one[0] == 11 && one[1] == 21);
    assert_true(other[0] == 31 && other[1] == 41);
    inference_run_destroy(first);
    inference_run_destroy(second);
    inference_close(model);
}

static void test_lite_model__what_does_not_fit_is_refused(void **state) {
    (void)state;
    need_library();
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    struct error err = {0};
    struct tensor out;
    const uint32_t wanted = 0;
    float numbers[3] = {1, 2, 3};
    const struct tensor input = row(numbers, 3);
    open_it(&PLAIN, &model);
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(inference_run(run, &input, &wanted, 1, &out, &err), STATUS_INVALID);
    assert_string_equal(err.text, "input 0 has 12 bytes, the model wants 8");
    inference_run_destroy(run);
    inference_close(model);
    struct inference_options profiled = PLAIN;
    profiled.profile_prefix = "/tmp/it";
    expect_failure(&profiled, STATUS_INVALID, "only ONNX models are saved and profiled");
}

static void test_lite_model__a_run_that_is_too_late_says_so(void **state) {
    (void)state;
    need_library();
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    struct error err = {0};
    struct tensor out;
    const uint32_t wanted = 0;
    float numbers[TEST_LITE_WEIGHTS] = {1, 2};
    const struct tensor input = row(numbers, TEST_LITE_WEIGHTS);
    open_it(&PLAIN, &model);
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    inference_stop(run);
    assert_int_equal(inference_run(run, &input, &wanted, 1, &out, &err), STATUS_TIMEOUT);
    /* It was not even begun, or the input would have been looked at. */
    const struct tensor none = row(numbers, 1);
    assert_int_equal(inference_run(run, &none, &wanted, 1, &out, &err), STATUS_TIMEOUT);
    inference_run_destroy(run);
    expect_sums(model);
    inference_close(model);
}

static void test_lite_model__an_operator_that_is_none_is_named(void **state) {
    (void)state;
    need_library();
    struct test_lite custom = {.custom = "Frobnicate"};
    struct inference_model *model = NULL;
    struct error err = {0};
    CLEANUP(buffer_done) struct buffer file;
    test_lite_bytes(&custom, &file);
    assert_int_equal(inference_open_bytes(buffer_slice(&file), &PLAIN, &model, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "Frobnicate"));
}

static void test_lite_model__memory_is_bounded(void **state) {
    (void)state;
    need_library();
    struct test_lite large = {.size = 1 << 24};
    struct inference_model *model = NULL;
    struct error err = {0};
    CLEANUP(buffer_done) struct buffer file;
    test_lite_bytes(&large, &file);
    assert_int_equal(inference_open_bytes(buffer_slice(&file), &PLAIN, &model, &err), STATUS_FULL);
    assert_non_null(strstr(err.text, "its tensors and weights take 128 MiB, more than the 64 MiB"));
}

/* --- providers --- */

static uint8_t provider_of(const char *word) {
    uint8_t index = 0;
    while (strcmp(INFERENCE_PROVIDERS[index], word) != 0) {
        index++;
        assert_non_null(INFERENCE_PROVIDERS[index]);
    }
    return index;
}

static void expect_strictly(const char *word, status code, const char *sentence) {
    struct inference_options options = PLAIN;
    struct inference_model *model = NULL;
    options.providers[0] = provider_of(word);
    options.provider_count = 2;
    open_it(&options, &model);
    assert_string_equal(inference_provider(model), "cpu");
    expect_sums(model);
    inference_close(model);
    options.is_strict = true;
    expect_failure(&options, code, sentence);
}

static void test_lite_model__a_delegate_that_is_not_here_is_passed_over(void **state) {
    (void)state;
    need_library();
    expect_strictly("cuda", STATUS_NOT_FOUND, "cuda: TensorFlow Lite has no such provider");
    expect_strictly("gpu", STATUS_NOT_FOUND, "libtensorflowlite_gpu_delegate.so is not there");
    expect_strictly("edgetpu", STATUS_NOT_FOUND, "libedgetpu.so.1 is not there");
    assert_int_equal(unsetenv("EBB_TENSORFLOW_LITE_DELEGATE"), 0);
    expect_strictly("delegate", STATUS_NOT_FOUND, "EBB_TENSORFLOW_LITE_DELEGATE names no library");
    assert_int_equal(setenv("EBB_TENSORFLOW_LITE_DELEGATE", "/nowhere/tpu.so", 1), 0);
    expect_strictly("delegate", STATUS_NOT_FOUND, "the library /nowhere/tpu.so is not there");
    assert_int_equal(setenv("EBB_TENSORFLOW_LITE_DELEGATE", "libm.so.6", 1), 0);
    expect_strictly("delegate", STATUS_NOT_FOUND, "has no 'tflite_plugin_create_delegate'");
    assert_int_equal(unsetenv("EBB_TENSORFLOW_LITE_DELEGATE"), 0);
}

/* Where the library was built without it, that is what is said. */
static void test_lite_model__xnnpack_gives_the_same_answers(void **state) {
    (void)state;
    need_library();
    struct inference_options options = PLAIN;
    struct inference_model *model = NULL;
    struct error err = {0};
    options.providers[0] = provider_of("xnnpack");
    options.provider_count = 2;
    options.is_strict = true;
    if (open_one(&options, &model, &err) != STATUS_OK) {
        assert_non_null(strstr(err.text, "this TensorFlow Lite was built without it"));
        print_message("# %s\n", err.text);
        skip();
    }
    assert_string_equal(inference_provider(model), "xnnpack");
    expect_sums(model);
    inference_close(model);
}

/* --- hostile files --- */

/* Cut anywhere, with any byte changed: a sentence or a model, never an end of the process. */
static void test_lite_model__a_damaged_model_harms_nobody(void **state) {
    (void)state;
    need_library();
    struct test_lite plain = {.added = 1};
    struct error err = {0};
    uint32_t seen = 0; /* by the library's verifier, and not by ours */
    CLEANUP(buffer_done) struct buffer file;
    test_lite_bytes(&plain, &file);
    for (size_t i = LITE_HEAD_BYTES; i < file.count; i++) {
        struct inference_model *model = NULL;
        const struct slice cut = {.bytes = file.bytes, .count = i};
        (void)inference_open_bytes(cut, &PLAIN, &model, &err);
        inference_close(model);
        model = NULL;
        file.bytes[i] = (char)(file.bytes[i] ^ 0x55);
        int64_t bytes;
        const status code = inference_open_bytes(buffer_slice(&file), &PLAIN, &model, &err);
        inference_close(model);
        seen += code == STATUS_CORRUPT &&
                lite_file_tensor_bytes(buffer_slice(&file), &bytes, NULL) == STATUS_OK;
        file.bytes[i] = (char)(file.bytes[i] ^ 0x55);
    }
    assert_true(seen > 0);
}

static void test_lite_model__without_memory_it_fails(void **state) {
    (void)state;
    need_library();
    for (long i = 0;; i++) {
        struct inference_model *model = NULL;
        struct error err = {0};
        struct test_lite plain = {.added = 1};
        CLEANUP(buffer_done) struct buffer file;
        test_lite_bytes(&plain, &file);
        (void)memory_fail_at(i, 0);
        const status code = inference_open_bytes(buffer_slice(&file), &PLAIN, &model, &err);
        const bool failed = i < (long)memory_fail_at(-1, 0);
        inference_close(model);
        if (!failed) {
            assert_int_equal(code, STATUS_OK);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lite_model__without_the_library_a_sentence_says_what_is_missing),
        cmocka_unit_test(test_lite_model__it_says_what_it_takes_and_answers),
        cmocka_unit_test(test_lite_model__two_runs_at_once_do_not_share_numbers),
        cmocka_unit_test(test_lite_model__what_does_not_fit_is_refused),
        cmocka_unit_test(test_lite_model__a_run_that_is_too_late_says_so),
        cmocka_unit_test(test_lite_model__an_operator_that_is_none_is_named),
        cmocka_unit_test(test_lite_model__memory_is_bounded),
        cmocka_unit_test(test_lite_model__a_delegate_that_is_not_here_is_passed_over),
        cmocka_unit_test(test_lite_model__xnnpack_gives_the_same_answers),
        cmocka_unit_test(test_lite_model__a_damaged_model_harms_nobody),
        cmocka_unit_test(test_lite_model__without_memory_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
