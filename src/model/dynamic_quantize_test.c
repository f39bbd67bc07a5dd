// SPDX-License-Identifier: Apache-2.0
#include "model/dynamic_quantize.h"

#include "model/pair_sum.h"
#include "model/test_graph.h"

#define SET(call) assert_int_equal(call, STATUS_OK)

static struct dynamic_quantize_report quantize(struct graph_model *model) {
    const struct dynamic_quantize_options options = {0};
    struct dynamic_quantize_report report = {0};
    struct error err = {0};
    if (dynamic_quantize(model, &options, &report, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return report;
}

/* Answers as before but for what 256 steps do. Takes the model. */
static struct dynamic_quantize_report expect_near(struct graph_model *model, double drift) {
    struct test_answer before = test_graph_run(model, 2);
    const struct dynamic_quantize_report report = quantize(model);
    struct test_answer after = test_graph_run(model, 2);
    const double seen = test_graph_drift(&before, &after);
    if (!(seen <= drift) || seen == 0) {
        fail_msg("the answers are %g apart", seen);
    }
    memory_free(before.numbers);
    memory_free(after.numbers);
    return report;
}

/* Nothing is changed. Takes the model. */
static void expect_left(struct graph_model *model, uint32_t left) {
    const uint32_t count = test_graph_count(model, "DynamicQuantizeLinear");
    const struct dynamic_quantize_report report = quantize(model);
    assert_int_equal(report.products + report.recurrences, 0);
    assert_int_equal(report.left, left);
    assert_int_equal(test_graph_count(model, "DynamicQuantizeLinear"), count);
    onnx_file_close(model);
}

static struct graph_value *input_of(struct graph_model *model, const char *shape) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, shape);
}

/* The initializer of that type that somebody uses. */
static const struct graph_tensor *tensor_of(const struct graph_model *model,
                                            enum element_type type) {
    for (uint32_t i = 0; i < model->main.initializers.count; i++) {
        const struct graph_tensor *tensor = model->main.initializers.items[i]->tensor;
        if (tensor->type == type) {
            return tensor;
        }
    }
    fail_msg("there is none");
    abort(); /* what the compiler knows of */
}

/* --- products --- */

static void test_dynamic_quantize__a_product_is_one_of_whole_numbers(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(11);
    test_graph_output(model, OP(model, "MatMul", input_of(model, "2x3x256"),
                                test_graph_weights(model, "256x256", 1)));
    const struct dynamic_quantize_report report = expect_near(model, 0.02);
    assert_int_equal(report.products, 1);
    assert_int_equal(test_graph_count(model, "MatMul"), 0);
    assert_int_equal(test_graph_count(model, "MatMulInteger"), 1);
    assert_int_equal(tensor_of(model, ELEMENT_FLOAT32)->dims[0], 256); /* the floats are gone */
    assert_int_equal(tensor_of(model, ELEMENT_FLOAT32)->rank, 1);
    onnx_file_close(model);
}

/* A step is the largest of its column over 127. */
static void expect_columns(const struct graph_model *model, const float *weights, bool turned,
                           float factor) {
    const int8_t *numbers = tensor_of(model, ELEMENT_INT8)->bytes;
    const float *steps = tensor_of(model, ELEMENT_FLOAT32)->bytes;
    for (size_t column = 0; column < 320; column++) {
        float most = 0;
        for (size_t i = 0; i < 256; i++) {
            most = fmaxf(most, fabsf(weights[turned ? column * 256 + i : i * 320 + column]));
        }
        assert_true(steps[column] == most / 127 * factor);
        for (size_t i = 0; i < 256; i++) {
            const float weight = weights[turned ? column * 256 + i : i * 320 + column];
            assert_int_equal(numbers[i * 320 + column], (int)rintf(weight / (most / 127)));
        }
    }
}

static void test_dynamic_quantize__each_column_has_its_step(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *weights = test_graph_weights(model, "256x320", 1);
    const float *numbers = weights->tensor->bytes;
    test_graph_output(model, OP(model, "MatMul", input_of(model, "2x256"), weights));
    (void)expect_near(model, 0.02);
    expect_columns(model, numbers, false, 1);
    onnx_file_close(model);
}

static struct graph_model *with_gemm(const char *weights, const char *addend) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = input_of(model, "2x256");
    struct graph_value *matrix = test_graph_weights(model, weights, 1);
    test_graph_output(model, addend != NULL ? OP(model, "Gemm", input, matrix,
                                                 test_graph_weights(model, addend, 2))
                                            : OP(model, "Gemm", input, matrix));
    return model;
}

static void test_dynamic_quantize__a_turned_gemm_becomes_a_product_and_a_sum(void **state) {
    (void)state;
    struct graph_model *model = with_gemm("320x256", NULL);
    const float *numbers = model->main.initializers.items[0]->tensor->bytes;
    SET(graph_set_integer(model->main.last, "transB", 1));
    SET(graph_set_number(model->main.last, "alpha", -0.5F));
    (void)expect_near(model, 0.02);
    expect_columns(model, numbers, true, -0.5F);
    onnx_file_close(model);
    model = with_gemm("320x256", "320");
    SET(graph_set_integer(model->main.last, "transB", 1));
    (void)expect_near(model, 0.02);
    assert_int_equal(test_graph_count(model, "Add"), 1);
    assert_int_equal(test_graph_count(model, "Gemm"), 0);
    onnx_file_close(model);
    model = with_gemm("256x320", "2x1");
    SET(graph_set_number(model->main.last, "beta", 0));
    (void)expect_near(model, 0.02);
    assert_int_equal(test_graph_count(model, "Add"), 0);
    onnx_file_close(model);
}

static void test_dynamic_quantize__what_is_multiplied_often_is_cut_once(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Neg", input_of(model, "2x256"));
    struct graph_value *shared = test_graph_weights(model, "256x256", 1);
    struct graph_value *first = OP(model, "MatMul", input, shared);
    struct graph_value *second =
        OP(model, "MatMul", input, test_graph_weights(model, "256x256", 2));
    struct graph_value *third = OP(model, "MatMul", second, shared);
    test_graph_output(model, OP(model, "Add", OP(model, "Add", first, second), third));
    const struct dynamic_quantize_report report = expect_near(model, 0.05);
    assert_int_equal(report.products, 3);
    assert_int_equal(test_graph_count(model, "DynamicQuantizeLinear"), 2);
    assert_int_equal(model->main.initializers.count, 4);
    onnx_file_close(model);
}

static void test_dynamic_quantize__a_later_cut_of_the_file_is_not_relied_on(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Neg", input_of(model, "2x256"));
    struct graph_value *product =
        OP(model, "MatMul", input, test_graph_weights(model, "256x256", 1));
    struct graph_node *cut =
        graph_add_node(&model->main, NULL, "DynamicQuantizeLinear", &input, 1, 3, SLICE("d"));
    cut->mark = 1;
    test_graph_output(model, product);
    test_graph_output(model, cut->outputs[1]);
    const struct dynamic_quantize_report report = expect_near(model, 0.02);
    assert_int_equal(report.products, 1);
    assert_int_equal(test_graph_count(model, "DynamicQuantizeLinear"), 2);
    onnx_file_close(model);
}

static void test_dynamic_quantize__bodies_have_products_of_their_own(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = OP(model, "Neg", input_of(model, "2x256"));
    struct graph_value *weights = test_graph_weights(model, "256x256", 1);
    struct graph_value *choice = OP(model, "If", test_graph_input(model, "c", ELEMENT_BOOLEAN, ""));
    struct graph *taken = test_graph_body(choice->producer, "then_branch");
    struct graph *other = test_graph_body(choice->producer, "else_branch");
    (void)test_graph_within(taken, "MatMul", input, weights, true);
    (void)test_graph_within(other, "MatMul", input, weights, true);
    test_graph_output(model, OP(model, "Add", choice, OP(model, "MatMul", input, weights)));
    const struct dynamic_quantize_report report = expect_near(model, 0.05);
    assert_int_equal(report.products, 3);
    assert_int_equal(test_graph_count(model, "DynamicQuantizeLinear"), 3);
    onnx_file_close(model);
}

static void test_dynamic_quantize__pairs_of_a_column_stay_within_16_bits(void **state) {
    (void)state;
    const struct dynamic_quantize_options options = {.adds_in_pairs = true};
    struct dynamic_quantize_report report = {0};
    struct graph_model *model = test_graph_new(13);
    test_graph_output(model, OP(model, "MatMul", input_of(model, "2x256"),
                                test_graph_weights(model, "256x256", 1)));
    SET(dynamic_quantize(model, &options, &report, NULL));
    assert_true(report.narrow > 200);
    const struct pair_order order = pair_order_matrix(256, 256, false);
    for (size_t column = 0; column < 256; column++) {
        assert_true(pair_peak(tensor_of(model, ELEMENT_INT8)->bytes, &order, column) <= 128);
    }
    onnx_file_close(model);
}

/* --- what stays --- */

static void test_dynamic_quantize__what_gains_nothing_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    test_graph_output(model, OP(model, "MatMul", input_of(model, "2x256"),
                                test_graph_weights(model, "256x255", 1)));
    expect_left(model, 1);
    model = test_graph_new(13);
    test_graph_output(model, OP(model, "Conv", input_of(model, "1x256x2x2"),
                                test_graph_weights(model, "256x256x1x1", 1)));
    expect_left(model, 0);
}

static void test_dynamic_quantize__what_is_no_matrix_of_weights_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = input_of(model, "2x256x256");
    test_graph_output(model, OP(model, "MatMul", input, test_graph_weights(model, "2x256x256", 1)));
    expect_left(model, 0);
    model = test_graph_new(13);
    input = input_of(model, "256x256");
    test_graph_output(model, OP(model, "MatMul", input, OP(model, "Neg", input)));
    expect_left(model, 0);
    model = with_gemm("256x320", "320");
    SET(graph_set_number(model->main.last, "beta", 2));
    expect_left(model, 0);
    model = with_gemm("2x65536", NULL);
    SET(graph_set_integer(model->main.last, "transA", 1));
    expect_left(model, 0);
    model = test_graph_new(13);
    struct graph_value *given = test_graph_weights(model, "256x256", 1);
    given->is_input = true; /* somebody may give another */
    test_graph_output(model, OP(model, "MatMul", input_of(model, "2x256"), given));
    expect_left(model, 0);
}

static void test_dynamic_quantize__weights_that_no_step_holds_stay(void **state) {
    (void)state;
    static float numbers[256 * 256];
    numbers[300] = INFINITY;
    struct graph_model *model = test_graph_new(13);
    test_graph_output(model, OP(model, "MatMul", input_of(model, "2x256"),
                                test_graph_floats(model, "256x256", numbers, 256 * 256)));
    expect_left(model, 1);
}

static void test_dynamic_quantize__old_models_are_refused(void **state) {
    (void)state;
    const struct dynamic_quantize_options options = {0};
    struct dynamic_quantize_report report;
    struct error err = {0};
    struct graph_model *model = test_graph_new(10);
    assert_int_equal(dynamic_quantize(model, &options, &report, &err), STATUS_INVALID);
    onnx_file_close(model);
}

/* --- LSTM --- */

static struct graph_model *recurrent(const char *direction, const char *weights, const char *again,
                                     const char *input) {
    struct graph_model *model = test_graph_new(14);
    struct graph_value *inputs[] = {input_of(model, input), test_graph_weights(model, weights, 1),
                                    test_graph_weights(model, again, 2)};
    struct graph_node *node = graph_add_node(&model->main, NULL, "LSTM", inputs, 3, 3, SLICE("l"));
    SET(graph_set_text(node, "direction", slice_of(direction)));
    SET(graph_set_integer(node, "hidden_size", 128));
    for (uint32_t i = 0; i < 3; i++) {
        test_graph_output(model, node->outputs[i]);
    }
    return model;
}

static void test_dynamic_quantize__an_lstm_has_gates_of_whole_numbers(void **state) {
    (void)state;
    struct graph_model *model = recurrent("forward", "1x512x160", "1x512x128", "4x1x160");
    struct dynamic_quantize_report report = expect_near(model, 0.1);
    assert_int_equal(report.recurrences, 1);
    assert_int_equal(model->opset_count, 2);
    onnx_file_close(model);
    model = recurrent("bidirectional", "2x512x160", "2x512x128", "4x2x160");
    report = expect_near(model, 0.1);
    assert_int_equal(report.recurrences, 1);
    onnx_file_close(model);
}

static void test_dynamic_quantize__an_lstm_of_another_layout_or_a_small_one_stays(void **state) {
    (void)state;
    struct graph_model *model = recurrent("forward", "1x512x160", "1x512x128", "4x1x160");
    SET(graph_set_integer(model->main.last, "layout", 1));
    expect_left(model, 0);
    expect_left(recurrent("forward", "1x512x64", "1x512x128", "4x1x64"), 1);
    model = recurrent("forward", "1x512x160", "1x512x128", "4x1x160");
    static float numbers[512 * 128];
    numbers[9] = NAN;
    SET(graph_set_input(model->main.last, 2,
                        test_graph_floats(model, "1x512x128", numbers, 512 * 128)));
    expect_left(model, 1);
}

static void test_dynamic_quantize__no_memory_is_a_status(void **state) {
    (void)state;
    const struct dynamic_quantize_options options = {0};
    for (long at = 0, done = 0; done < 2; at++) {
        struct graph_model *model = done == 0
                                        ? with_gemm("256x320", "320")
                                        : recurrent("forward", "1x512x160", "1x512x128", "4x1x160");
        struct dynamic_quantize_report report = {0};
        struct error err = {0};
        (void)memory_fail_at(at, 1);
        const status code = dynamic_quantize(model, &options, &report, &err);
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

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamic_quantize__a_product_is_one_of_whole_numbers),
        cmocka_unit_test(test_dynamic_quantize__each_column_has_its_step),
        cmocka_unit_test(test_dynamic_quantize__a_turned_gemm_becomes_a_product_and_a_sum),
        cmocka_unit_test(test_dynamic_quantize__what_is_multiplied_often_is_cut_once),
        cmocka_unit_test(test_dynamic_quantize__a_later_cut_of_the_file_is_not_relied_on),
        cmocka_unit_test(test_dynamic_quantize__bodies_have_products_of_their_own),
        cmocka_unit_test(test_dynamic_quantize__pairs_of_a_column_stay_within_16_bits),
        cmocka_unit_test(test_dynamic_quantize__what_gains_nothing_stays),
        cmocka_unit_test(test_dynamic_quantize__what_is_no_matrix_of_weights_stays),
        cmocka_unit_test(test_dynamic_quantize__weights_that_no_step_holds_stay),
        cmocka_unit_test(test_dynamic_quantize__old_models_are_refused),
        cmocka_unit_test(test_dynamic_quantize__an_lstm_has_gates_of_whole_numbers),
        cmocka_unit_test(test_dynamic_quantize__an_lstm_of_another_layout_or_a_small_one_stays),
        cmocka_unit_test(test_dynamic_quantize__no_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
