// SPDX-License-Identifier: Apache-2.0
#include "model/quantize.h"

#include "model/test_quantize.h"

static void test_quantize__puts_whole_numbers_around_a_conv_and_drops_its_relu(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "1x4x6x6");
    struct graph_value *sum = conv(&fixture, x_of(&fixture), 1);
    struct graph_value *y = OP(fixture.model, "Relu", sum);
    test_graph_output(fixture.model, y);
    const struct slice name = y->name;
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, y, 0, 12);
    quantise(&fixture);
    assert_int_equal(fixture.report.layers, 1);
    assert_int_equal(pairs(&fixture), 2);
    assert_int_equal(test_graph_count(fixture.model, "Relu"), 0);
    /* x, weights, bias, y */
    assert_int_equal(test_graph_count(fixture.model, "DequantizeLinear"), 4);
    assert_true(slice_equal(fixture.model->main.outputs[0].value->name, name));
    assert_true(graph_node_is(fixture.model->main.outputs[0].value->producer, "DequantizeLinear"));
    onnx_file_close(fixture.model);
}

static void test_quantize__answers_nearly_as_before(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        skip();
    }
    struct fixture fixture;
    begin(&fixture, "1x4x6x6");
    struct graph_value *a = OP(fixture.model, "Relu", conv(&fixture, x_of(&fixture), 1));
    struct graph_value *b = conv(&fixture, a, 5);
    test_graph_output(fixture.model, b);
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, a, 0, 8);
    bound(&fixture, b, -50, 50);
    const double closeness = quantise_and_compare(&fixture);
    assert_true(closeness > 25 && closeness < INFINITY);
    onnx_file_close(fixture.model);
}

static void test_quantize__keeps_a_relu_that_others_see_before(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "1x4x6x6");
    struct graph_value *sum = conv(&fixture, x_of(&fixture), 1);
    struct graph_value *y = OP(fixture.model, "Add", OP(fixture.model, "Relu", sum), sum);
    test_graph_output(fixture.model, y);
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, sum, -9, 9);
    quantise(&fixture);
    assert_int_equal(fixture.report.layers, 1);
    assert_int_equal(test_graph_count(fixture.model, "Relu"), 1);
    onnx_file_close(fixture.model);
}

/* Whole numbers that reach beyond a Clip do not do its work. */
static void test_quantize__keeps_a_clip_that_the_numbers_reach_beyond(void **state) {
    (void)state;
    for (int beyond = 0; beyond < 2; beyond++) {
        struct fixture fixture;
        begin(&fixture, "1x4x6x6");
        struct graph_value *y =
            OP(fixture.model, "Clip", conv(&fixture, x_of(&fixture), 1),
               graph_add_floats(&fixture.model->main, SLICE("low"), (float[]){0}, 1, true),
               graph_add_floats(&fixture.model->main, SLICE("high"), (float[]){6}, 1, true));
        test_graph_output(fixture.model, y);
        bound(&fixture, x_of(&fixture), -1, 1);
        bound(&fixture, y, 0, beyond ? 6.5F : 5.5F);
        quantise(&fixture);
        assert_int_equal(test_graph_count(fixture.model, "Clip"), beyond);
        onnx_file_close(fixture.model);
    }
}

static void test_quantize__gives_a_value_one_pair_however_many_take_it(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "1x4x6x6");
    struct graph_value *a = conv(&fixture, x_of(&fixture), 1);
    struct graph_value *b = conv(&fixture, x_of(&fixture), 9);
    test_graph_output(fixture.model, OP(fixture.model, "Add", a, b));
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, a, -9, 9);
    bound(&fixture, b, -9, 9);
    quantise(&fixture);
    assert_int_equal(fixture.report.layers, 2);
    assert_int_equal(pairs(&fixture), 3);
    onnx_file_close(fixture.model);
}

static float step_of(const struct graph_node *node) {
    float step = 0;
    assert_true(graph_scalar(graph_constant(graph_input(node, 1)), &step));
    return step;
}

static void test_quantize__moves_a_scale_with_its_numbers(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "1x4x6x6");
    struct graph_value *a = conv(&fixture, x_of(&fixture), 1);
    struct graph_value *pooled = OP(fixture.model, "MaxPool", a);
    test_graph_integers(pooled, "kernel_shape", (const int64_t[]){2, 2}, 2);
    struct graph_value *b = conv(&fixture, pooled, 9);
    test_graph_output(fixture.model, b);
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, a, -9, 9);
    bound(&fixture, pooled, -2, 9); /* as it was seen: not what counts */
    bound(&fixture, b, -90, 90);
    quantise(&fixture);
    assert_int_equal(fixture.report.layers, 2);
    float steps[4] = {0};
    uint32_t count = 0;
    for (struct graph_node *node = graph_walk(fixture.model, NULL); node != NULL;
         node = graph_walk(fixture.model, node)) {
        if (graph_node_is(node, "QuantizeLinear")) {
            steps[count++] = step_of(node);
        }
    }
    assert_int_equal(count, 4);
    assert_true(steps[1] == steps[2] && steps[0] != steps[1] && steps[3] != steps[1]);
    onnx_file_close(fixture.model);
}

static void test_quantize__takes_matrices_and_leaves_what_comes_out_in_floats(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "2x16");
    struct graph_value *a =
        OP(fixture.model, "MatMul", x_of(&fixture), test_graph_weights(fixture.model, "16x8", 1));
    struct graph_value *b =
        OP(fixture.model, "Gemm", a, test_graph_weights(fixture.model, "5x8", 2),
           test_graph_weights(fixture.model, "5", 3));
    assert_int_equal(graph_set_integer(b->producer, "transB", 1), STATUS_OK);
    test_graph_output(fixture.model, b);
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, a, -9, 9);
    quantise(&fixture);
    assert_int_equal(fixture.report.layers, 2);
    assert_int_equal(pairs(&fixture), 2);
    assert_true(graph_node_is(fixture.model->main.outputs[0].value->producer, "Gemm"));
    onnx_file_close(fixture.model);
}

static void test_quantize__leaves_a_layer_whose_input_never_changes(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "1x4x6x6");
    struct graph_value *y = conv(&fixture, x_of(&fixture), 1);
    test_graph_output(fixture.model, y);
    bound(&fixture, x_of(&fixture), 0, 0);
    bound(&fixture, y, -9, 9);
    quantise(&fixture);
    assert_int_equal(fixture.report.layers, 0);
    assert_int_equal(fixture.report.left, 1);
    assert_non_null(strstr(fixture.report.first_reason, "'x' has no range"));
    assert_int_equal(pairs(&fixture), 0);
    onnx_file_close(fixture.model);
}

static void test_quantize__is_no_matter_for_layers_that_no_kernel_has(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "4x16");
    /* Weights that are not constant, a transposed input, a bias that is spread. */
    struct graph_value *square =
        OP(fixture.model, "MatMul", x_of(&fixture), OP(fixture.model, "Transpose", x_of(&fixture)));
    struct graph_value *turned =
        OP(fixture.model, "Gemm", x_of(&fixture), test_graph_weights(fixture.model, "4x8", 2));
    assert_int_equal(graph_set_integer(turned->producer, "transA", 1), STATUS_OK);
    struct graph_value *spread =
        OP(fixture.model, "Gemm", x_of(&fixture), test_graph_weights(fixture.model, "16x8", 2),
           test_graph_weights(fixture.model, "8x1", 3));
    assert_false(quantize_is_layer(square->producer));
    assert_false(quantize_is_layer(turned->producer));
    assert_false(quantize_is_layer(spread->producer));
    onnx_file_close(fixture.model);
}

static bool takes_none(void *owner, const struct graph_node *node) {
    (void)node;
    ++*(int *)owner;
    return false;
}

static void test_quantize__asks_which_layers(void **state) {
    (void)state;
    struct fixture fixture;
    int asked = 0;
    begin(&fixture, "1x4x6x6");
    struct graph_value *y = conv(&fixture, x_of(&fixture), 1);
    test_graph_output(fixture.model, y);
    bound(&fixture, x_of(&fixture), -1, 1);
    bound(&fixture, y, -9, 9);
    fixture.options.takes = takes_none;
    fixture.options.owner = &asked;
    quantise(&fixture);
    assert_int_equal(asked, 1);
    assert_int_equal(fixture.report.layers, 0);
    assert_int_equal(fixture.report.left, 1);
    onnx_file_close(fixture.model);
}

static void test_quantize__wants_scales_for_channels(void **state) {
    (void)state;
    struct fixture fixture = {.model = test_graph_new(11)};
    assert_int_equal(quantize(fixture.model, &fixture.options, &fixture.report, &fixture.err),
                     STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "need opset 13, the model has 11"));
    onnx_file_close(fixture.model);
}

static void test_quantize_values__names_each_value_once(void **state) {
    (void)state;
    struct fixture fixture;
    const struct slice *names = NULL;
    uint32_t count = 0;
    begin(&fixture, "1x4x6x6");
    struct graph_value *a = OP(fixture.model, "Relu", conv(&fixture, x_of(&fixture), 1));
    struct graph_value *b = conv(&fixture, a, 9);
    test_graph_output(fixture.model, OP(fixture.model, "Add", conv(&fixture, a, 3), b));
    assert_int_equal(quantize_values(fixture.model, &names, &count, &fixture.err), STATUS_OK);
    assert_int_equal(count, 4); /* x, the Relu's, two ends */
    for (uint32_t i = 1; i < count; i++) {
        assert_true(slice_compare(names[i - 1], names[i]) < 0);
    }
    onnx_file_close(fixture.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize__puts_whole_numbers_around_a_conv_and_drops_its_relu),
        cmocka_unit_test(test_quantize__answers_nearly_as_before),
        cmocka_unit_test(test_quantize__keeps_a_relu_that_others_see_before),
        cmocka_unit_test(test_quantize__keeps_a_clip_that_the_numbers_reach_beyond),
        cmocka_unit_test(test_quantize__gives_a_value_one_pair_however_many_take_it),
        cmocka_unit_test(test_quantize__moves_a_scale_with_its_numbers),
        cmocka_unit_test(test_quantize__takes_matrices_and_leaves_what_comes_out_in_floats),
        cmocka_unit_test(test_quantize__leaves_a_layer_whose_input_never_changes),
        cmocka_unit_test(test_quantize__is_no_matter_for_layers_that_no_kernel_has),
        cmocka_unit_test(test_quantize__asks_which_layers),
        cmocka_unit_test(test_quantize__wants_scales_for_channels),
        cmocka_unit_test(test_quantize_values__names_each_value_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
