// SPDX-License-Identifier: Apache-2.0
#include "model/test_float16.h"

/* --- computing in it --- */

static void test_float16_convert__casts_stand_at_both_ends(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = input_of(model, "1x3x8x8");
    struct graph_value *layer = OP(model, "Conv", input, test_graph_weights(model, "4x3x3x3", 1));
    layer = OP(model, "Relu", layer);
    layer = OP(model, "Conv", layer, test_graph_weights(model, "2x4x3x3", 2));
    layer->name = SLICE("answer");
    test_graph_output(model, layer);
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.half_count, 3);
    assert_int_equal(report.full_count, 0);
    assert_int_equal(report.tensor_count, 2);
    assert_int_equal(report.cast_count, 2);
    assert_int_equal(test_graph_count(model, "Cast"), 2);
    assert_true(slice_is(model->main.outputs[0].value->name, "answer"));
    onnx_file_close(model);
}

static void test_float16_convert__the_ends_are_float16_where_they_may(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *output = product(model, input_of(model, "2x8"), "8x8", 1);
    struct error err = {0};
    output->name = SLICE("answer");
    test_graph_output(model, output);
    model->main.output_types =
        (const struct graph_type *const[]){test_graph_type(model, ELEMENT_FLOAT32, "2x8")};
    const struct float16_report report = convert_with(model, &(struct float16_options){0});
    assert_int_equal(report.cast_count, 0);
    struct buffer bytes;
    struct graph_model *read = NULL;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    SET(onnx_file_pack(model, &bytes, &err));
    SET(onnx_file_read(buffer_slice(&bytes), NULL, &read, &err));
    assert_int_equal(read->main.inputs.items[0]->type->element, ELEMENT_FLOAT16);
    assert_int_equal(read->main.output_types[0]->element, ELEMENT_FLOAT16);
    assert_true(slice_is(read->main.outputs[0].value->name, "answer"));
    onnx_file_close(read);
    buffer_done(&bytes);
    onnx_file_close(model);
}

static void test_float16_convert__named_values_stay_float32(void **state) {
    (void)state;
    const struct slice names[] = {SLICE("large")};
    const struct float16_options options = {
        .keep_io = true, .full_names = names, .full_name_count = 1};
    struct graph_model *model = test_graph_new(13);
    struct graph_value *first = OP(model, "Exp", input_of(model, "2x8"));
    struct graph_value *large = OP(model, "Mul", first, first);
    large->name = SLICE("large");
    test_graph_output(model, OP(model, "Relu", OP(model, "Sqrt", large)));
    const struct float16_report report = convert_with(model, &options);
    assert_int_equal(report.half_count, 2); /* before the one that makes it, behind the next */
    assert_int_equal(report.full_count, 2);
    expect_no_cast_next_to_cast(model);
    struct test_answer answer = test_graph_run(model, 4);
    assert_true(answer.count == 16);
    memory_free(answer.numbers);
    onnx_file_close(model);
}

/* Softmax over a row in which everything is masked: all the same, and not no number. */
static void test_float16_convert__a_mask_that_does_not_fit_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = product(model, input_of(model, "2x8"), "8x8", 1);
    struct graph_value *hides = OP(model, "Less", input, FLOATS(model, "1", 1000));
    struct graph_value *masked =
        OP(model, "Where", hides, FLOATS(model, "1", -3.4028235e38F), input);
    struct graph_value *reshaped = OP(model, "Identity", masked);
    test_graph_output(model, product(model, OP(model, "Softmax", reshaped), "8x4", 2));
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.kept_count, 1);
    assert_int_equal(report.too_large, 1);
    assert_int_equal(report.full_count, 3); /* Where, what carries it on, Softmax */
    onnx_file_close(model);
}

/* What keeps a division from 0 would be 0. */
static void test_float16_convert__a_number_that_would_vanish_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Relu", input_of(model, "2x8"));
    struct graph_value *nothing = OP(model, "Sub", input, input);
    struct graph_value *kept = OP(model, "Add", nothing, FLOATS(model, "1", 1e-12F));
    test_graph_output(model, OP(model, "Div", nothing, OP(model, "Sqrt", kept)));
    test_graph_output(model, input);
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.underflown, 1);
    onnx_file_close(model);
}

static void test_float16_convert__bounds_of_clip_may_be_infinite(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    const float least = 0;
    const float most = 3.4028235e38F;
    struct graph_value *input = input_of(model, "2x8");
    test_graph_output(model, OP(model, "Clip", input,
                                graph_add_floats(&model->main, SLICE("l"), &least, 1, true),
                                graph_add_floats(&model->main, SLICE("m"), &most, 1, true)));
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.half_count, 1);
    onnx_file_close(model);
}

static void test_float16_convert__both_types_are_cast_of_the_same(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_INT64, "2x8");
    struct graph_value *real = OP(model, "Cast", input);
    SET(graph_set_integer(real->producer, "to", ELEMENT_FLOAT32));
    struct graph_value *half = OP(model, "Mul", real, FLOATS(model, "1", 0.5F));
    struct graph_value *full = OP(model, "CumSum", real, FLOATS(model, "1", 0));
    const int64_t axis = 1;
    SET(graph_set_input(full->producer, 1,
                        graph_add_integers(&model->main, SLICE("a"), &axis, 1, true)));
    test_graph_output(model, half);
    test_graph_output(model, full);
    (void)expect_near(model, 0.005);
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        if (is_cast(node) && !graph_is_output(node->outputs[0])) {
            assert_ptr_equal(graph_input(node, 0), input);
        }
    }
    onnx_file_close(model);
}

static void test_float16_convert__a_cast_to_what_is_there_goes(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *layer = OP(model, "Relu", input_of(model, "2x8"));
    struct graph_value *narrow = OP(model, "Cast", layer);
    SET(graph_set_integer(narrow->producer, "to", ELEMENT_FLOAT16));
    struct graph_value *neg = OP(model, "Neg", narrow);
    struct graph_value *wide = OP(model, "Cast", neg);
    SET(graph_set_integer(wide->producer, "to", ELEMENT_FLOAT32));
    test_graph_output(model, OP(model, "Relu", OP(model, "Neg", wide)));
    (void)expect_near(model, 0.005);
    assert_int_equal(test_graph_count(model, "Cast"), 2);
    onnx_file_close(model);
}

static void test_float16_convert__inputs_that_are_float32_by_schema_stay(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Relu", input_of(model, "1x2x4x4"));
    struct graph_value *output = OP(model, "Resize", input, NULL, FLOATS(model, "4", 1, 1, 2, 2));
    SET(graph_set_text(output->producer, "mode", SLICE("linear")));
    test_graph_output(model, OP(model, "Relu", output));
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.half_count, 3);
    assert_int_equal(report.tensor_count, 0);
    onnx_file_close(model);
}

static void test_float16_convert__what_needs_more_digits_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(12);
    const int64_t k = 2;
    struct graph_value *inputs[] = {OP(model, "Neg", input_of(model, "2x8")),
                                    graph_add_integers(&model->main, SLICE("k"), &k, 1, false)};
    struct graph_node *top = graph_add_node(&model->main, NULL, "TopK", inputs, 2, 2, SLICE("t"));
    struct graph_value *most = OP(model, "Max", inputs[0], inputs[0]); /* from 13 on */
    test_graph_output(model, OP(model, "Neg", top->outputs[0]));
    test_graph_output(model, most);
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.full_count, 2);
    assert_int_equal(report.half_count, 2);
    onnx_file_close(model);
}

static void test_float16_convert__what_adds_up_where_it_scatters_stays(void **state) {
    (void)state;
    const int64_t index = 1;
    for (int adds = 0; adds < 2; adds++) {
        struct graph_model *model = test_graph_new(16);
        struct graph_value *indices =
            graph_add_integers(&model->main, SLICE("i"), &index, 1, false);
        struct graph_value *input = OP(model, "Neg", input_of(model, "8"));
        struct graph_value *output =
            OP(model, "ScatterElements", input, indices, FLOATS(model, "1", 2));
        SET(graph_set_text(output->producer, "reduction", adds ? SLICE("add") : SLICE("none")));
        test_graph_output(model, output);
        const struct float16_report report = expect_near(model, 0.005);
        assert_int_equal(report.full_count, adds);
        onnx_file_close(model);
    }
}

/* The sums that a LayerNormalization gives beside its answer are float32. */
static void test_float16_convert__sums_of_a_normalisation_stay(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(17);
    struct graph_value *inputs[] = {OP(model, "Neg", input_of(model, "2x8")),
                                    test_graph_weights(model, "8", 1)};
    struct graph_node *node =
        graph_add_node(&model->main, NULL, "LayerNormalization", inputs, 2, 2, SLICE("n"));
    test_graph_output(model, node->outputs[0]);
    test_graph_output(model, OP(model, "Neg", node->outputs[1]));
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.half_count, 2); /* both others */
    onnx_file_close(model);
}

static void test_float16_convert__made_shapes_are_filled_with_float16(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Relu", input_of(model, "2x8"));
    struct graph_value *filled = OP(model, "ConstantOfShape", OP(model, "Shape", input));
    struct graph_value *again = OP(model, "ConstantOfShape", OP(model, "Shape", input));
    SET(graph_set_tensor(again->producer, "value", FLOATS(model, "1", 0.25F)->tensor));
    test_graph_output(model, OP(model, "Add", OP(model, "Add", input, filled), again));
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.cast_count, 2);
    onnx_file_close(model);
}

static void test_float16_convert__made_shapes_of_what_does_not_fit_stay(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Relu", input_of(model, "2x8"));
    struct graph_value *filled = OP(model, "ConstantOfShape", OP(model, "Shape", input));
    SET(graph_set_tensor(filled->producer, "value", FLOATS(model, "1", 1e9F)->tensor));
    test_graph_output(model, OP(model, "Neg", OP(model, "Sub", filled, filled)));
    test_graph_output(model, OP(model, "Neg", OP(model, "Div", input, filled)));
    test_graph_output(model, input);
    (void)expect_near(model, 0.005);
    onnx_file_close(model);
}

static void test_float16_convert__bodies_reach_for_what_they_want(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Relu", input_of(model, "2x8"));
    struct graph_value *decides = test_graph_input(model, "c", ELEMENT_BOOLEAN, "");
    struct graph_value *weights = test_graph_weights(model, "8x8", 1);
    struct graph_value *choice = OP(model, "If", decides);
    struct graph *taken = test_graph_body(choice->producer, "then_branch");
    struct graph *other = test_graph_body(choice->producer, "else_branch");
    (void)test_graph_within(taken, "MatMul", input, weights, true);
    (void)test_graph_within(other, "Identity", input, NULL, true);
    test_graph_output(model, OP(model, "Neg", choice));
    (void)expect_near(model, 0.005);
    onnx_file_close(model);
}

static struct graph_value *body_input(struct graph *body, enum element_type element,
                                      const char *shape) {
    struct graph_model *model = body->model;
    struct graph_value *value = arena_get(&model->arena, 1, sizeof(*value));
    *value = (struct graph_value){.name = graph_new_name(model, SLICE("b")),
                                  .graph = body,
                                  .is_input = true,
                                  .type = test_graph_type(model, element, shape)};
    assert_true(graph_values_add(model, &body->inputs, value));
    return value;
}

/* Three times a product. */
static struct graph_model *looped(void) {
    struct graph_model *model = test_graph_new(13);
    const int64_t turns = 3;
    struct graph_value *input = input_of(model, "2x8");
    struct graph_value *output =
        OP(model, "Loop", graph_add_integers(&model->main, SLICE("t"), &turns, 1, true), NULL,
           OP(model, "Neg", input));
    struct graph *body = test_graph_body(output->producer, "body");
    (void)body_input(body, ELEMENT_INT64, "");
    struct graph_value *goes_on = body_input(body, ELEMENT_BOOLEAN, "");
    struct graph_value *carried = body_input(body, ELEMENT_FLOAT32, "2x8");
    (void)test_graph_within(body, "Identity", goes_on, NULL, true);
    (void)test_graph_within(body, "MatMul", carried, test_graph_weights(model, "8x8", 1), true);
    test_graph_output(model, OP(model, "Neg", output));
    return model;
}

static void test_float16_convert__what_a_body_carries_is_float32(void **state) {
    (void)state;
    struct graph_model *model = looped();
    const struct float16_report report = expect_near(model, 0.01);
    assert_int_equal(report.half_count, 3);
    onnx_file_close(model);
    model = looped();
    (void)convert_with(model, &(struct float16_options){0});
    struct buffer bytes;
    struct error err = {0};
    struct graph_model *read = NULL;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    SET(onnx_file_pack(model, &bytes, &err));
    SET(onnx_file_read(buffer_slice(&bytes), NULL, &read, &err));
    for (struct graph_node *node = graph_walk(read, NULL); node != NULL;
         node = graph_walk(read, node)) {
        if (node->graph->owner != NULL) {
            assert_int_equal(node->graph->inputs.items[2]->type->element, ELEMENT_FLOAT32);
        }
    }
    buffer_done(&bytes);
    onnx_file_close(read);
    onnx_file_close(model);
}

static void test_float16_convert__what_is_not_known_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Neg", input_of(model, "2x8"));
    struct graph_value *alien = OP(model, "Gelu", input);
    alien->producer->domain = SLICE("com.microsoft");
    struct graph_opset *opsets = arena_get(&model->arena, 2, sizeof(*opsets));
    opsets[0] = model->opsets[0];
    opsets[1] = (struct graph_opset){.domain = SLICE("com.microsoft"), .version = 1};
    model->opsets = opsets;
    model->opset_count = 2;
    test_graph_output(model, OP(model, "Neg", OP(model, "Add", input, alien)));
    const struct float16_report report = expect_near(model, 0.005);
    assert_int_equal(report.half_count, 2);
    onnx_file_close(model);
}

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float16_convert__casts_stand_at_both_ends),
        cmocka_unit_test(test_float16_convert__the_ends_are_float16_where_they_may),
        cmocka_unit_test(test_float16_convert__named_values_stay_float32),
        cmocka_unit_test(test_float16_convert__a_mask_that_does_not_fit_stays),
        cmocka_unit_test(test_float16_convert__a_number_that_would_vanish_stays),
        cmocka_unit_test(test_float16_convert__bounds_of_clip_may_be_infinite),
        cmocka_unit_test(test_float16_convert__both_types_are_cast_of_the_same),
        cmocka_unit_test(test_float16_convert__a_cast_to_what_is_there_goes),
        cmocka_unit_test(test_float16_convert__inputs_that_are_float32_by_schema_stay),
        cmocka_unit_test(test_float16_convert__what_needs_more_digits_stays),
        cmocka_unit_test(test_float16_convert__what_adds_up_where_it_scatters_stays),
        cmocka_unit_test(test_float16_convert__sums_of_a_normalisation_stay),
        cmocka_unit_test(test_float16_convert__made_shapes_are_filled_with_float16),
        cmocka_unit_test(test_float16_convert__made_shapes_of_what_does_not_fit_stay),
        cmocka_unit_test(test_float16_convert__bodies_reach_for_what_they_want),
        cmocka_unit_test(test_float16_convert__what_a_body_carries_is_float32),
        cmocka_unit_test(test_float16_convert__what_is_not_known_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
