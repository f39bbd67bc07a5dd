// SPDX-License-Identifier: Apache-2.0
#include "model/test_opset.h"

/* --- Softmax --- */

static void test_opset_upgrade__a_distribution_goes_over_all_behind_its_axis(void **state) {
    (void)state;
    static const char *const OPS[] = {"Softmax", "LogSoftmax", "Hardmax"};
    for (int i = 0; i < 3; i++) {
        struct graph_model *model;
        (void)one_node(&model, 9, OPS[i], "2x3x4x?"); /* the axis is 1 */
        test_graph_expect(model, to_13, 1, 1e-6);
        assert_int_equal(test_graph_count(model, "Flatten"), 1);
        onnx_file_close(model);
        struct graph_node *node = one_node(&model, 12, OPS[i], "2x3x4x2");
        SET(graph_set_integer(node, "axis", -2));
        test_graph_expect(model, to_13, 1, 1e-6);
        onnx_file_close(model);
    }
}

static void test_opset_upgrade__the_last_axis_needs_no_more_nodes(void **state) {
    (void)state;
    struct graph_model *model;
    (void)one_node(&model, 12, "Softmax", "?x10");
    test_graph_expect(model, to_13, 1, 0);
    assert_int_equal(test_graph_count(model, "Flatten"), 0);
    onnx_file_close(model);
    struct graph_node *node = one_node(&model, 11, "Softmax", "2x3x10");
    SET(graph_set_integer(node, "axis", 2));
    test_graph_expect(model, to_13, 1, 0);
    assert_int_equal(test_graph_count(model, "Flatten"), 0);
    onnx_file_close(model);
}

static void test_opset_upgrade__a_declared_rank_is_not_relied_on(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(11);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3x4");
    struct graph_value *between = OP(model, "Relu", input);
    between->type = test_graph_type(model, ELEMENT_FLOAT32, "2x12"); /* it is wrong */
    test_graph_output(model, OP(model, "Softmax", between));
    test_graph_expect(model, to_13, 1, 1e-6);
    onnx_file_close(model);
}

/* --- attributes that became inputs --- */

static void test_opset_upgrade__bounds_of_clip_become_inputs(void **state) {
    (void)state;
    struct graph_model *model;
    struct graph_node *node = one_node(&model, 10, "Clip", "2x3");
    SET(graph_set_number(node, "max", 1.5F));
    expect_kept(model);
    node = one_node(&model, 6, "Clip", "2x3");
    SET(graph_set_number(node, "min", -0.5F));
    SET(graph_set_number(node, "max", 0.5F));
    expect_kept(model);
}

static void test_opset_upgrade__pads_become_inputs(void **state) {
    (void)state;
    struct graph_model *model;
    struct graph_node *node = one_node(&model, 10, "Pad", "2x3");
    SET_INTEGERS(node, "pads", 0, 1, 0, 2);
    SET(graph_set_number(node, "value", 1.5F));
    expect_kept(model);
    node = one_node(&model, 2, "Pad", "2x3");
    SET_INTEGERS(node, "pads", 1, 1, 0, 2);
    SET(graph_set_text(node, "mode", SLICE("reflect")));
    expect_kept(model);
    struct graph_model *first;
    node = one_node(&first, 1, "Pad", "2x3");
    SET_INTEGERS(node, "paddings", 0, 1, 0, 2);
    node = one_node(&model, 10, "Pad", "2x3");
    SET_INTEGERS(node, "pads", 0, 1, 0, 2);
    expect_means(first, model);
}

static void test_opset_upgrade__a_slice_without_axes_is_of_the_first(void **state) {
    (void)state;
    struct graph_model *model;
    struct graph_node *node = one_node(&model, 9, "Slice", "5x6x7");
    SET_INTEGERS(node, "starts", 1, -4);
    SET_INTEGERS(node, "ends", 4, 1000);
    expect_kept(model);
    node = one_node(&model, 1, "Slice", "5x6x7");
    SET_INTEGERS(node, "starts", 2);
    SET_INTEGERS(node, "ends", 5);
    SET_INTEGERS(node, "axes", 2);
    expect_kept(model);
}

static void test_opset_upgrade__axes_become_inputs(void **state) {
    (void)state;
    struct graph_model *model;
    struct graph_node *node = one_node(&model, 11, "Squeeze", "1x3x1");
    SET_INTEGERS(node, "axes", 0, -1);
    expect_kept(model);
    (void)one_node(&model, 11, "Squeeze", "1x3x1");
    expect_kept(model);
    node = one_node(&model, 9, "Unsqueeze", "2x3");
    SET_INTEGERS(node, "axes", 0, 3);
    expect_kept(model);
    node = one_node(&model, 11, "ReduceSum", "2x3x4");
    SET_INTEGERS(node, "axes", 1);
    SET(graph_set_integer(node, "keepdims", 0));
    expect_kept(model);
    (void)one_node(&model, 9, "ReduceSum", "2x3x4");
    expect_kept(model);
    node = one_node(&model, 12, "ReduceMean", "2x3x4"); /* its axes stay an attribute up to 17 */
    SET_INTEGERS(node, "axes", 1);
    test_graph_expect(model, to_17, 0, 0);
    onnx_file_close(model);
}

static void test_opset_upgrade__outputs_are_as_many_as_they_were(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(9);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x6");
    struct graph_node *split =
        graph_add_node(&model->main, NULL, "Split", &input, 1, 2, SLICE("s"));
    SET(graph_set_integer(split, "axis", 1));
    SET_INTEGERS(split, "split", 2, 4);
    test_graph_output(model, split->outputs[0]);
    test_graph_output(model, split->outputs[1]);
    expect_kept(model);
    model = test_graph_new(9);
    input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x6");
    struct graph_node *top = graph_add_node(&model->main, NULL, "TopK", &input, 1, 2, SLICE("t"));
    SET(graph_set_integer(top, "k", 3));
    test_graph_output(model, top->outputs[0]);
    test_graph_output(model, top->outputs[1]);
    expect_kept(model);
}

static void test_opset_upgrade__inference_stays_inference(void **state) {
    (void)state;
    struct graph_model *model;
    static const float RATIOS[] = {0.25F, 0, 1, 2, -0.25F, NAN};
    for (size_t i = 0; i < sizeof(RATIOS) / sizeof(RATIOS[0]); i++) {
        struct graph_node *node = one_node(&model, 7, "Dropout", "2x6");
        SET(graph_set_number(node, "ratio", RATIOS[i]));
        expect_kept(model);
    }
    model = test_graph_new(7);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x3x3");
    struct graph_value *output =
        OP(model, "BatchNormalization", input, FLOATS(model, "2", 1, 2), FLOATS(model, "2", 3, 4),
           FLOATS(model, "2", 0.5F, 0), FLOATS(model, "2", 1, 4));
    SET(graph_set_integer(output->producer, "spatial", 1));
    test_graph_output(model, output);
    expect_kept(model);
}

static void test_opset_upgrade__scatter_has_another_name(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(9);
    const int64_t where[] = {1, 0, 2};
    const int64_t dims[] = {1, 3};
    void *bytes = NULL;
    struct graph_tensor *indices = graph_tensor_new(model, ELEMENT_INT64, dims, 2, &bytes);
    (void)memcpy(bytes, where, sizeof(where));
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "3x3");
    test_graph_output(model, OP(model, "Scatter", input,
                                graph_add_tensor(&model->main, SLICE("i"), indices),
                                FLOATS(model, "1x3", 7, 8, 9)));
    expect_kept(model);
}

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opset_upgrade__a_distribution_goes_over_all_behind_its_axis),
        cmocka_unit_test(test_opset_upgrade__the_last_axis_needs_no_more_nodes),
        cmocka_unit_test(test_opset_upgrade__a_declared_rank_is_not_relied_on),
        cmocka_unit_test(test_opset_upgrade__bounds_of_clip_become_inputs),
        cmocka_unit_test(test_opset_upgrade__pads_become_inputs),
        cmocka_unit_test(test_opset_upgrade__a_slice_without_axes_is_of_the_first),
        cmocka_unit_test(test_opset_upgrade__axes_become_inputs),
        cmocka_unit_test(test_opset_upgrade__outputs_are_as_many_as_they_were),
        cmocka_unit_test(test_opset_upgrade__inference_stays_inference),
        cmocka_unit_test(test_opset_upgrade__scatter_has_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
