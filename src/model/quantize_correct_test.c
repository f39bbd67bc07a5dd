// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_correct.h"

#include "model/quantize_bounds.h"
#include "model/test_samples.h"

enum { SAMPLES = 16, INPUTS = 8, HIDDEN = 12, OUTPUTS = 4, MEMORY_BYTES = 1 << 30 };

struct fixture {
    struct test_samples samples;
    struct sample_source source;
    struct quantize_options options;
    struct quantize_correct_wish wish;
    struct error err;
};

static void begin(struct fixture *fixture, const char *shape) {
    if (!test_model_can_run()) {
        skip();
    }
    *fixture = (struct fixture){.samples = {.count = SAMPLES}};
    test_samples_input(&fixture->samples, shape);
    fixture->source = test_samples_source(&fixture->samples);
    fixture->options = (struct quantize_options){.activations = SCALE_UINT8};
    fixture->wish = (struct quantize_correct_wish){
        .quantize = &fixture->options, .samples = &fixture->source, .memory_bytes = MEMORY_BYTES};
}

static struct buffer pack(const struct graph_model *model) {
    struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    assert_int_equal(onnx_file_pack(model, &bytes, NULL), STATUS_OK);
    return bytes;
}

/* Gemm, Relu, Gemm, both with biases or without. */
static struct graph_model *two_layers(bool have_biases) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x8");
    struct graph_value *first = test_graph_weights(model, "8x12", 1);
    struct graph_value *second = test_graph_weights(model, "12x4", 2);
    struct graph_value *between =
        have_biases ? OP(model, "Gemm", x, first, test_graph_weights(model, "12", 3))
                    : OP(model, "Gemm", x, first);
    struct graph_value *relu = OP(model, "Relu", between);
    test_graph_output(model, have_biases
                                 ? OP(model, "Gemm", relu, second, FLOATS(model, "4", 9, 9, 9, 9))
                                 : OP(model, "Gemm", relu, second));
    return model;
}

static void find_bounds(struct fixture *fixture, struct graph_model *model) {
    struct buffer bytes = pack(model);
    const struct quantize_bounds_wish wish = {.bytes = buffer_slice(&bytes),
                                              .samples = &fixture->source,
                                              .calibrate = {.memory_bytes = MEMORY_BYTES}};
    if (quantize_bounds(model, &wish, &fixture->options, &fixture->err) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
    buffer_done(&bytes);
}

/* The mean of each output over the samples. */
static void find_means(struct fixture *fixture, struct slice bytes, double means[OUTPUTS]) {
    static const uint32_t FIRST = 0;
    const struct inference_options options = {.threads = 1, .memory_bytes = MEMORY_BYTES};
    struct inference_model *opened = NULL;
    assert_int_equal(inference_open_bytes(bytes, &options, &opened, &fixture->err), STATUS_OK);
    (void)memset(means, 0, OUTPUTS * sizeof(double));
    test_samples_rewind(&fixture->samples);
    for (int i = 0; i < SAMPLES; i++) {
        struct inference_run *run = NULL;
        struct sample sample = {0};
        struct tensor output;
        bool more = false;
        (void)test_samples_next(&fixture->samples, &sample, &more, NULL);
        assert_int_equal(inference_run_create(opened, &run, NULL), STATUS_OK);
        assert_int_equal(inference_run(run, sample.inputs, &FIRST, 1, &output, NULL), STATUS_OK);
        for (int k = 0; k < OUTPUTS; k++) {
            means[k] += (double)((const float *)output.bytes)[k] / SAMPLES;
        }
        inference_run_destroy(run);
    }
    inference_close(opened);
}

/* How far the means of the quantised model are from these, together. */
static double apart(struct fixture *fixture, const struct graph_model *model,
                    const double wanted[OUTPUTS]) {
    struct buffer bytes = pack(model);
    struct graph_model *copy = NULL;
    struct quantize_report report;
    double means[OUTPUTS];
    double sum = 0;
    assert_int_equal(onnx_file_read(buffer_slice(&bytes), NULL, &copy, NULL), STATUS_OK);
    assert_int_equal(quantize(copy, &fixture->options, &report, &fixture->err), STATUS_OK);
    assert_int_equal(report.layers, 2);
    buffer_done(&bytes);
    bytes = pack(copy);
    find_means(fixture, buffer_slice(&bytes), means);
    for (int i = 0; i < OUTPUTS; i++) {
        sum += fabs(means[i] - wanted[i]);
    }
    buffer_done(&bytes);
    onnx_file_close(copy);
    return sum;
}

static void test_quantize_correct__means_are_what_they_were(void **state) {
    (void)state;
    static struct fixture fixture;
    double wanted[OUTPUTS];
    uint32_t changes = 0;
    begin(&fixture, "1x8");
    struct graph_model *model = two_layers(true);
    struct buffer bytes = pack(model);
    find_means(&fixture, buffer_slice(&bytes), wanted);
    find_bounds(&fixture, model);
    const double before = apart(&fixture, model, wanted);
    if (quantize_correct(model, &fixture.wish, &changes, &fixture.err) != STATUS_OK) {
        fail_msg("%s", fixture.err.text);
    }
    assert_true(changes >= 1);
    assert_true(before > 1e-3 && apart(&fixture, model, wanted) < before / 10);
    buffer_done(&bytes);
    onnx_file_close(model);
}

/* The layer behind makes up for what the first one does, though only that one is in whole numbers
 * with a bias of its own. */
static bool takes_first(void *owner, const struct graph_node *node) {
    (void)owner;
    return node == node->graph->first;
}

static void test_quantize_correct__layers_that_stay_keep_their_bias(void **state) {
    (void)state;
    static struct fixture fixture;
    uint32_t changes = 0;
    begin(&fixture, "1x8");
    struct graph_model *model = two_layers(true);
    find_bounds(&fixture, model);
    fixture.options.takes = takes_first;
    const struct graph_value *kept = graph_input(model->main.last, 2);
    assert_int_equal(quantize_correct(model, &fixture.wish, &changes, &fixture.err), STATUS_OK);
    assert_true(changes <= 1 && graph_input(model->main.last, 2) == kept);
    onnx_file_close(model);
}

static void test_quantize_correct__layers_without_bias_stay(void **state) {
    (void)state;
    static struct fixture fixture;
    uint32_t changes = 1;
    begin(&fixture, "1x8");
    struct graph_model *model = two_layers(false);
    find_bounds(&fixture, model);
    assert_int_equal(quantize_correct(model, &fixture.wish, &changes, &fixture.err), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

/* The Relu goes into the scale, and the layer's output has the name of the model's. */
static void test_quantize_correct__a_layer_whose_output_lost_its_name_stays(void **state) {
    (void)state;
    static struct fixture fixture;
    uint32_t changes = 1;
    begin(&fixture, "1x2x4x4");
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x4x4");
    struct graph_value *sum =
        OP(model, "Conv", x, test_graph_weights(model, "3x2x3x3", 1), FLOATS(model, "3", 5, 5, 5));
    test_graph_output(model, OP(model, "Relu", sum));
    find_bounds(&fixture, model);
    if (quantize_correct(model, &fixture.wish, &changes, &fixture.err) != STATUS_OK) {
        fail_msg("%s", fixture.err.text);
    }
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

static void test_quantize_correct__says_what_is_not_there(void **state) {
    (void)state;
    static struct fixture fixture;
    uint32_t changes;
    begin(&fixture, "1x8");
    struct graph_model *model = two_layers(true);
    find_bounds(&fixture, model);
    fixture.samples.count = 0;
    assert_int_equal(quantize_correct(model, &fixture.wish, &changes, &fixture.err),
                     STATUS_NOT_FOUND);
    fixture.samples.count = SAMPLES;
    fixture.samples.broken = 2;
    assert_int_equal(quantize_correct(model, &fixture.wish, &changes, &fixture.err),
                     STATUS_INVALID);
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize_correct__means_are_what_they_were),
        cmocka_unit_test(test_quantize_correct__layers_that_stay_keep_their_bias),
        cmocka_unit_test(test_quantize_correct__layers_without_bias_stay),
        cmocka_unit_test(test_quantize_correct__a_layer_whose_output_lost_its_name_stays),
        cmocka_unit_test(test_quantize_correct__says_what_is_not_there),
    };
    return cmocka_run_group_tests_name("quantize_correct", tests, NULL, NULL);
}
