// SPDX-License-Identifier: Apache-2.0
#include "model/blocked.h"

#include "model/test_graph.h"

static const double ROUNDING = 3e-6;

enum { BLOCK = 4 };

static status sums(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return blocked_sums(model, BLOCK, out_changes, err);
}

static status fill(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return blocked_fill(model, BLOCK, out_changes, err);
}

static struct graph_model *begun(void) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(13);
}

/* A convolution of three by three, padded. */
static struct graph_value *layer(struct graph_model *model, struct graph_value *x,
                                 const char *shape, int64_t groups) {
    static const int64_t PADS[] = {1, 1, 1, 1};
    struct graph_value *value =
        OP(model, "Conv", x, test_graph_weights(model, shape, model->names_made));
    test_graph_integers(value, "pads", PADS, 4);
    assert_int_equal(graph_set_integer(value->producer, "group", groups), STATUS_OK);
    return value;
}

static struct graph_value *image(struct graph_model *model) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, "1x3x5x5");
}

/* --- sums --- */

static void test_blocked__a_sum_between_convolutions_becomes_one(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = layer(model, image(model), "8x3x3x3", 1);
    value = OP(model, "Add", OP(model, "Relu", value), FLOATS(model, "", 0.5F));
    struct graph_value *sum = value;
    test_graph_output(model, layer(model, value, "8x1x3x3", 8));
    test_graph_expect(model, sums, 1, 0);
    assert_int_equal(test_graph_count(model, "Add"), 0);
    assert_int_equal(test_graph_count(model, "Conv"), 3);
    assert_null(sum->uses);
    onnx_file_close(model);
}

static void test_blocked__a_scale_and_a_sum_for_two_are_one_convolution(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "8x3x3x3", 1));
    value = OP(model, "Mul", value, test_graph_weights(model, "8x1x1", 1));
    value = OP(model, "Add", test_graph_weights(model, "1x8x1x1", 2), value);
    test_graph_output(model, layer(model, value, "8x1x3x3", 8));
    test_graph_output(model, layer(model, value, "4x8x3x3", 1));
    test_graph_expect(model, sums, 1, ROUNDING);
    assert_int_equal(test_graph_count(model, "Conv"), 4);
    assert_int_equal(test_graph_count(model, "Add") + test_graph_count(model, "Mul"), 0);
    onnx_file_close(model);
}

/* What is scaled goes elsewhere as well: only the sum becomes a convolution. */
static void test_blocked__a_scale_that_others_need_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "8x3x3x3", 1));
    value = OP(model, "Mul", value, FLOATS(model, "", 3));
    test_graph_output(model, OP(model, "Abs", value));
    value = OP(model, "Add", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "8x1x3x3", 8));
    test_graph_expect(model, sums, 1, ROUNDING);
    assert_int_equal(test_graph_count(model, "Mul"), 1);
    const struct graph_value *made = graph_input(model->main.outputs[1].value->producer, 0);
    assert_true(test_numbers(graph_input(made->producer, 1), 8)[0] == 1);
    onnx_file_close(model);
}

static void expect_sum_stays(struct graph_model *model) {
    test_graph_expect(model, sums, 0, 0);
    onnx_file_close(model);
}

static void test_blocked__sums_elsewhere_stay(void **state) {
    (void)state;
    struct graph_model *model = begun(); /* no whole blocks */
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    value = OP(model, "Add", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "6x1x3x3", 6));
    expect_sum_stays(model);
    model = begun(); /* what comes in is in no blocks */
    value = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x4x5x5");
    value = OP(model, "Add", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "4x1x3x3", 4));
    expect_sum_stays(model);
    model = begun(); /* it goes to something else as well */
    value = OP(model, "Relu", layer(model, image(model), "4x3x3x3", 1));
    value = OP(model, "Add", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "4x1x3x3", 4));
    test_graph_output(model, OP(model, "Relu", value));
    expect_sum_stays(model);
    model = begun(); /* it is given out */
    value = OP(model, "Relu", layer(model, image(model), "4x3x3x3", 1));
    value = OP(model, "Add", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "4x1x3x3", 4));
    test_graph_output(model, value);
    expect_sum_stays(model);
    model = begun(); /* it is of another axis */
    value = OP(model, "Relu", layer(model, image(model), "4x3x3x3", 1));
    value = OP(model, "Add", value, test_graph_weights(model, "5", 1));
    test_graph_output(model, layer(model, value, "4x1x3x3", 4));
    expect_sum_stays(model);
}

/* --- filling --- */

/* Six channels in two blocks of four: convolutions, a depthwise one, a sum around it. */
static void test_blocked__channels_are_filled_up(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *first = layer(model, image(model), "6x3x3x3", 1);
    assert_int_equal(graph_set_input(first->producer, 2, test_graph_weights(model, "6", 9)),
                     STATUS_OK);
    struct graph_value *value = OP(model, "Relu", first);
    struct graph_value *deep = layer(model, value, "6x1x3x3", 6);
    struct graph_value *wide = layer(model, deep, "6x6x3x3", 1);
    value = OP(model, "Relu", OP(model, "Add", wide, value));
    struct graph_value *last = layer(model, value, "2x6x3x3", 1);
    test_graph_output(model, last);
    test_graph_expect(model, fill, 4, ROUNDING);
    const struct graph_tensor *weights = graph_constant(graph_input(first->producer, 1));
    assert_int_equal(weights->dims[0], 8);
    assert_int_equal(graph_constant(graph_input(first->producer, 2))->dims[0], 8);
    for (int i = 6 * 27; i < 8 * 27; i++) {
        assert_true(((const float *)weights->bytes)[i] == 0);
    }
    assert_int_equal(graph_integer(deep->producer, "group", 0), 8);
    weights = graph_constant(graph_input(wide->producer, 1));
    assert_int_equal(weights->dims[0], 8);
    assert_int_equal(weights->dims[1], 8);
    weights = graph_constant(graph_input(last->producer, 1));
    assert_int_equal(weights->dims[0], 2);
    assert_int_equal(weights->dims[1], 8);
    onnx_file_close(model);
}

static struct graph_value *zeros(struct graph_model *model, int64_t channels) {
    const int64_t shape[] = {1, channels, 5, 5};
    return OP(model, "ConstantOfShape",
              graph_add_integers(&model->main, SLICE("shape"), shape, 4, false));
}

/* Channels, then zeros, then as many more channels to which they are added. */
static void concat_model(struct graph_model *model, const char *op, int64_t more,
                         const char *shape) {
    struct graph_value *value = OP(model, op, layer(model, image(model), "6x3x3x3", 1));
    struct graph_value *wide = OP(model, "Concat", value, zeros(model, more));
    assert_int_equal(graph_set_integer(wide->producer, "axis", 1), STATUS_OK);
    value = OP(model, "Add", layer(model, value, shape, 1), wide);
    test_graph_output(
        model, layer(model, OP(model, "Relu", value), more == 2 ? "2x8x3x3" : "2x11x3x3", 1));
}

static void test_blocked__zeros_behind_channels_become_fewer(void **state) {
    (void)state;
    struct graph_model *model = begun();
    concat_model(model, "Relu", 5, "11x6x3x3"); /* 6 + 5 becomes 8 + 4 */
    test_graph_expect(model, fill, 3, ROUNDING);
    assert_int_equal(test_graph_count(model, "Concat"), 1);
    assert_int_equal(test_graph_count(model, "ConstantOfShape"), 1);
    onnx_file_close(model);
    model = begun();
    concat_model(model, "Relu", 2, "8x6x3x3"); /* 6 + 2 are 8 + 0 */
    test_graph_expect(model, fill, 2, ROUNDING);
    assert_int_equal(test_graph_count(model, "Concat"), 0);
    assert_int_equal(test_graph_count(model, "ConstantOfShape"), 0);
    onnx_file_close(model);
}

/* What is filled up would not be zeros where zeros are meant. */
static void test_blocked__zeros_behind_channels_that_keep_none_stay(void **state) {
    (void)state;
    struct graph_model *model = begun();
    concat_model(model, "HardSigmoid", 2, "8x6x3x3");
    test_graph_expect(model, fill, 0, 0);
    assert_int_equal(test_graph_count(model, "Concat"), 1);
    onnx_file_close(model);
}

/* A gate for each channel, of the mean of all places. */
static void test_blocked__gates_are_filled_up_with_what_they_open(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    struct graph_value *gate = OP(model, "GlobalAveragePool", value);
    gate = OP(model, "Conv", gate, test_graph_weights(model, "6x6x1x1", 1));
    value = OP(model, "Mul", value, OP(model, "Sigmoid", gate));
    value = OP(model, "Mul", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    test_graph_expect(model, fill, 3, ROUNDING);
    onnx_file_close(model);
}

static void expect_stays(struct graph_model *model) {
    test_graph_expect(model, fill, 0, 0);
    onnx_file_close(model);
}

static void test_blocked__channels_that_something_else_takes_stay(void **state) {
    (void)state;
    struct graph_model *model = begun(); /* an output */
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    test_graph_output(model, value);
    expect_stays(model);
    model = begun(); /* another operator */
    value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    test_graph_output(model, OP(model, "Flatten", value));
    expect_stays(model);
    model = begun(); /* two groups */
    value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    test_graph_output(model, layer(model, value, "4x3x3x3", 2));
    expect_stays(model);
    model = begun(); /* numbers for each channel */
    value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    value = OP(model, "Mul", value, test_graph_weights(model, "6x1x1", 1));
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    expect_stays(model);
    model = begun(); /* made of nothing */
    value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    value = OP(model, "Add", value, zeros(model, 6));
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    expect_stays(model);
    model = begun(); /* one gate for all channels */
    value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    value = OP(model, "Mul", layer(model, value, "1x6x3x3", 1), value);
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    expect_stays(model);
    model = begun(); /* too many zeros for what there is */
    value = OP(model, "Relu", layer(model, image(model), "5x3x3x3", 1));
    test_graph_output(model, layer(model, value, "4x5x3x3", 1));
    expect_stays(model);
}

static void test_blocked__channels_that_a_body_takes_stay(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    struct graph_value *either =
        OP(model, "If", test_graph_input(model, "go", ELEMENT_BOOLEAN, ""));
    (void)test_graph_within(test_graph_body(either->producer, "then_branch"), "Neg", value, NULL,
                            true);
    (void)test_graph_within(test_graph_body(either->producer, "else_branch"), "Abs", value, NULL,
                            true);
    test_graph_output(model, either);
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    expect_stays(model);
}

static void test_blocked__weights_of_two_layers_stay(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    struct graph_value *weights = test_graph_weights(model, "6x6x3x3", 1);
    value = OP(model, "Conv", OP(model, "Conv", value, weights), weights);
    test_graph_output(model, layer(model, value, "4x6x1x1", 1));
    expect_stays(model);
}

static void test_blocked__blocks_of_no_size_change_nothing(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Relu", layer(model, image(model), "6x3x3x3", 1));
    value = OP(model, "Add", value, FLOATS(model, "", 0.5F));
    test_graph_output(model, layer(model, value, "4x6x3x3", 1));
    uint32_t changes = 1;
    assert_int_equal(blocked_graph(model, 1, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    assert_int_equal(blocked_graph(model, 128, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    assert_int_equal(blocked_graph(model, BLOCK, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 3); /* two layers, and then the sum */
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked__a_sum_between_convolutions_becomes_one),
        cmocka_unit_test(test_blocked__a_scale_and_a_sum_for_two_are_one_convolution),
        cmocka_unit_test(test_blocked__a_scale_that_others_need_stays),
        cmocka_unit_test(test_blocked__sums_elsewhere_stay),
        cmocka_unit_test(test_blocked__channels_are_filled_up),
        cmocka_unit_test(test_blocked__zeros_behind_channels_become_fewer),
        cmocka_unit_test(test_blocked__zeros_behind_channels_that_keep_none_stay),
        cmocka_unit_test(test_blocked__gates_are_filled_up_with_what_they_open),
        cmocka_unit_test(test_blocked__channels_that_something_else_takes_stay),
        cmocka_unit_test(test_blocked__channels_that_a_body_takes_stay),
        cmocka_unit_test(test_blocked__weights_of_two_layers_stay),
        cmocka_unit_test(test_blocked__blocks_of_no_size_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
