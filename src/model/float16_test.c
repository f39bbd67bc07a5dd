// SPDX-License-Identifier: Apache-2.0
#include "model/float16.h"

#include "model/test_float16.h"

/* --- the file alone --- */

static void test_float16_store__the_file_is_half_and_the_model_computes_as_before(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = input_of(model, "2x64");
    test_graph_output(
        model, product(model, OP(model, "Relu", product(model, input, "64x64", 1)), "64x64", 2));
    const size_t whole = file_bytes(model);
    struct test_answer before = test_graph_run(model, 2);
    const struct float16_report report = store(model);
    struct test_answer after = test_graph_run(model, 2);
    assert_int_equal(report.tensor_count, 2);
    assert_int_equal(report.cast_count, 2);
    assert_int_equal(test_graph_count(model, "Cast"), 2);
    assert_true(file_bytes(model) < whole * 51 / 100);
    assert_true(test_graph_drift(&before, &after) < 0x1p-10);
    memory_free(before.numbers);
    memory_free(after.numbers);
    onnx_file_close(model);
}

/* A model of one product with these weights behind others, 80 in all. */
static struct graph_model *with_numbers(const float *first, size_t count) {
    float numbers[80];
    struct graph_model *model = test_graph_new(13);
    for (size_t i = 0; i < 80; i++) {
        numbers[i] = i < count ? first[i] : 1;
    }
    struct graph_value *input = input_of(model, "2x8");
    test_graph_output(model,
                      OP(model, "MatMul", input, test_graph_floats(model, "8x10", numbers, 80)));
    return model;
}

static void test_float16_store__what_does_not_fit_is_counted_and_stays(void **state) {
    (void)state;
    /* Beyond 65504, but rounded to it; to infinity; 2^-25 and less is 0; more is 2^-24. */
    static const float FITS[] = {65504, -65519, 0x1p-25F, 3.1e-8F, 0, NAN, -INFINITY, 1e-30F};
    static const float LARGE[] = {1, 65520};
    struct graph_model *model = with_numbers(FITS, 8);
    struct float16_report report = store(model);
    assert_int_equal(report.tensor_count, 1);
    assert_int_equal(report.too_large, 2);
    assert_int_equal(report.underflown, 2);
    assert_int_equal(report.not_numbers, 1);
    assert_int_equal(report.kept_count, 0);
    onnx_file_close(model);
    model = with_numbers(LARGE, 2);
    report = store(model);
    assert_int_equal(report.tensor_count, 0);
    assert_int_equal(report.kept_count, 1);
    assert_int_equal(report.too_large, 1);
    assert_int_equal(test_graph_count(model, "Cast"), 0);
    onnx_file_close(model);
    float tiny[80];
    for (size_t i = 0; i < 80; i++) {
        tiny[i] = 1e-9F;
    }
    model = with_numbers(tiny, 80);
    report = store(model);
    assert_int_equal(report.kept_count, 1);
    assert_int_equal(report.underflown, 80);
    onnx_file_close(model);
}

static void test_float16_store__what_is_no_weight_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_UINT8, "2x80");
    struct graph_value *scales = test_graph_weights(model, "80", 1);
    struct graph_value *given = test_graph_weights(model, "80", 2);
    struct graph_value *shown = test_graph_weights(model, "80", 3);
    struct graph_value *little = test_graph_weights(model, "1x4", 4);
    given->is_input = true; /* somebody may give another */
    given->type = test_graph_type(model, ELEMENT_FLOAT32, "80");
    assert_true(graph_values_add(model, &model->main.inputs, given));
    struct graph_value *real = OP(model, "DequantizeLinear", input, scales);
    test_graph_output(model, OP(model, "Add", real, OP(model, "Add", given, shown)));
    test_graph_output(model, shown);
    test_graph_output(model, OP(model, "Relu", little));
    const struct float16_report report = store(model);
    assert_int_equal(report.tensor_count, 0);
    assert_int_equal(report.kept_count, 0);
    onnx_file_close(model);
}

static void test_float16_store__weights_are_found_wherever_they_are(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = input_of(model, "2x80");
    struct graph_value *decides = test_graph_input(model, "c", ELEMENT_BOOLEAN, "");
    struct graph_value *around = test_graph_weights(model, "80", 1);
    struct graph_value *choice = OP(model, "If", decides);
    struct graph *taken = test_graph_body(choice->producer, "then_branch");
    struct graph *other = test_graph_body(choice->producer, "else_branch");
    struct graph_node *held = graph_add_node(taken, NULL, "Constant", NULL, 0, 1, SLICE("k"));
    SET(graph_set_tensor(held, "value", test_graph_weights(model, "80", 2)->tensor));
    struct graph_value *within =
        graph_add_tensor(other, SLICE("w"), test_graph_weights(model, "80", 3)->tensor);
    struct graph_value *sum = test_graph_within(taken, "Add", input, held->outputs[0], false);
    (void)test_graph_within(taken, "Add", sum, around, true);
    (void)test_graph_within(other, "Add", input, within, true);
    test_graph_output(model, choice);
    struct test_answer before = test_graph_run(model, 2);
    const struct float16_report report = store(model);
    struct test_answer after = test_graph_run(model, 2);
    assert_int_equal(report.tensor_count, 3);
    assert_int_equal(report.cast_count, 3);
    assert_true(test_graph_drift(&before, &after) < 0x1p-10);
    memory_free(before.numbers);
    memory_free(after.numbers);
    onnx_file_close(model);
}

static void test_float16__old_models_and_functions_are_refused(void **state) {
    (void)state;
    struct float16_report report;
    struct graph_model *model = test_graph_new(6);
    struct error err = {0};
    const struct float16_options options = {0};
    assert_int_equal(float16_store(model, &report, &err), STATUS_INVALID);
    assert_int_equal(float16_convert(model, &options, &report, &err), STATUS_INVALID);
    onnx_file_close(model);
    model = test_graph_new(13);
    model->has_functions = true;
    assert_int_equal(float16_convert(model, &options, &report, &err), STATUS_INVALID);
    onnx_file_close(model);
}

static void test_float16__no_memory_is_a_status(void **state) {
    (void)state;
    const struct float16_options options = {.keep_io = true};
    for (long at = 0, done = 0; done < 2; at++) {
        struct graph_model *model = test_graph_new(13);
        struct graph_value *input = input_of(model, "2x128");
        struct float16_report report = {0};
        struct error err = {0};
        test_graph_output(model, product(model, input, "128x128", 1));
        (void)memory_fail_at(at, 1);
        const status code = done == 0 ? float16_store(model, &report, &err)
                                      : float16_convert(model, &options, &report, &err);
        (void)memory_fail_at(-1, 0);
        onnx_file_close(model);
        if (code == STATUS_OK) {
            at = -1;
            done++;
        } else {
            assert_int_equal(code, STATUS_NO_MEMORY);
        }
    }
}

/* --- the detector --- */

enum { HEIGHT = 160, WIDTH = 256 };

static const char DETECTOR[] = "build/data/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx";

/* White paper with three lines of an H after the other. */
static void draw_page(float *out_page) {
    for (int at = 0; at < 3 * HEIGHT * WIDTH; at++) {
        const int x = at % WIDTH - 20;
        const int y = at / WIDTH % HEIGHT % 52 - 16;
        const bool is_letter = x >= 0 && x < 208 && y >= 0 && y < 24 && x % 16 < 12;
        const bool is_dark = x % 16 < 3 || x % 16 >= 9 || (y >= 11 && y < 14);
        out_page[at] = is_letter && is_dark ? -2 : 2.2F;
    }
}

/* What the detector says of the page: how likely each place is a text's. */
static void detect(const struct graph_model *model, float *page, float *out_map) {
    struct buffer bytes;
    struct error err = {0};
    struct inference_model *opened = NULL;
    struct inference_run *run = NULL;
    char path[] = "/tmp/ebb-float16-XXXXXX";
    const int file = mkstemp(path);
    buffer_init(&bytes, ONNX_BYTES_MAX);
    SET(onnx_file_pack(model, &bytes, &err));
    assert_int_equal(write(file, bytes.bytes, bytes.count), bytes.count);
    assert_int_equal(close(file), 0);
    buffer_done(&bytes);
    const struct inference_options options = {.threads = 1, .memory_bytes = 1 << 30};
    SET(inference_open(path, &options, &opened, &err));
    SET(inference_run_create(opened, &run, &err));
    const struct tensor input = {.type = TENSOR_FLOAT32,
                                 .rank = 4,
                                 .shape = {1, 3, HEIGHT, WIDTH},
                                 .bytes = page,
                                 .byte_count = 3 * HEIGHT * WIDTH * sizeof(float)};
    struct tensor output;
    SET(inference_run(run, &input, &(uint32_t){0}, 1, &output, &err));
    assert_int_equal(output.byte_count, HEIGHT * WIDTH * sizeof(float));
    (void)memcpy(out_map, output.bytes, output.byte_count);
    inference_run_destroy(run);
    inference_close(opened);
    assert_int_equal(unlink(path), 0);
}

/* What both masks have of what one has, above 0.3. */
static double overlap(const float *one, const float *other) {
    size_t both = 0;
    size_t any = 0;
    for (size_t i = 0; i < (size_t)HEIGHT * WIDTH; i++) {
        both += one[i] > 0.3F && other[i] > 0.3F ? 1 : 0;
        any += one[i] > 0.3F || other[i] > 0.3F ? 1 : 0;
    }
    assert_true(any > 1000);
    return (double)both / (double)any;
}

static void expect_detector(bool computes) {
    static float page[3 * HEIGHT * WIDTH];
    static float before[HEIGHT * WIDTH];
    static float after[HEIGHT * WIDTH];
    struct graph_model *model = NULL;
    struct error err = {0};
    if (access(DETECTOR, R_OK) != 0) {
        print_message("# %s is not here: tools/fetch-npm fetches it\n", DETECTOR);
        skip();
    }
    draw_page(page);
    SET(onnx_file_open(DETECTOR, &model, &err));
    const size_t whole = file_bytes(model);
    detect(model, page, before);
    const struct float16_report report = computes ? convert(model) : store(model);
    expect_no_cast_next_to_cast(model);
    detect(model, page, after);
    const double size = (double)file_bytes(model) / (double)whole;
    const double same = overlap(before, after);
    print_message("# detector: %.3f of the file, overlap %.5f, %u tensors, %u casts, half %u, full "
                  "%u, too large %llu, underflown %llu\n",
                  size, same, report.tensor_count, report.cast_count, report.half_count,
                  report.full_count, (unsigned long long)report.too_large,
                  (unsigned long long)report.underflown);
    assert_true(size < 0.51);
    assert_true(same >= 0.999);
    onnx_file_close(model);
}

static void test_float16_store__the_detector_sees_the_same(void **state) {
    (void)state;
    expect_detector(false);
}

static void test_float16_convert__the_detector_sees_the_same(void **state) {
    (void)state;
    expect_detector(true);
}

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float16_store__the_file_is_half_and_the_model_computes_as_before),
        cmocka_unit_test(test_float16_store__what_does_not_fit_is_counted_and_stays),
        cmocka_unit_test(test_float16_store__what_is_no_weight_stays),
        cmocka_unit_test(test_float16_store__weights_are_found_wherever_they_are),
        cmocka_unit_test(test_float16__old_models_and_functions_are_refused),
        cmocka_unit_test(test_float16__no_memory_is_a_status),
        cmocka_unit_test(test_float16_store__the_detector_sees_the_same),
        cmocka_unit_test(test_float16_convert__the_detector_sees_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
