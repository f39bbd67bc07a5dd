// SPDX-License-Identifier: Apache-2.0
#include "model/fold.h"

#include "model/inferred.h"
#include "model/test_graph.h"

static const double ROUNDING = 3e-6;

static struct graph_model *begun(void) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(13);
}

static struct graph_value *image(struct graph_model *model, const char *shape) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, shape);
}

static void pad(struct graph_value *convolution, int64_t by) {
    const int64_t pads[] = {by, by, by, by};
    test_graph_integers(convolution, "pads", pads, 4);
}

static struct graph_value *grouped(struct graph_value *convolution, int64_t groups) {
    assert_int_equal(graph_set_integer(convolution->producer, "group", groups), STATUS_OK);
    return convolution;
}

/* The one node that is left makes the output, which has kept its name. */
static struct graph_node *only_node(const struct graph_model *model) {
    struct graph_node *node = model->main.first;
    assert_non_null(node);
    assert_null(node->after);
    assert_ptr_equal(model->main.outputs[0].value, node->outputs[0]);
    return node;
}

static void expect_numbers(const struct graph_value *value, const float *numbers, size_t count) {
    const float *found = test_numbers(value, count);
    for (size_t i = 0; i < count; i++) {
        if (fabsf(found[i] - numbers[i]) > 1e-6F) {
            fail_msg("number %zu is %g and not %g", i, (double)found[i], (double)numbers[i]);
        }
    }
}

#define EXPECT(value, ...)                                                                         \
    expect_numbers(value, (const float[]){__VA_ARGS__},                                            \
                   sizeof((const float[]){__VA_ARGS__}) / sizeof(float))

/* --- after a layer --- */

static void test_fold__normalization_after_a_convolution(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *layer = OP(model, "Conv", image(model, "1x1x2x2"),
                                   FLOATS(model, "2x1x1x1", 2, 4), FLOATS(model, "2", 1, 3));
    struct graph_value *normal =
        OP(model, "BatchNormalization", layer, FLOATS(model, "2", 3, 1), FLOATS(model, "2", 4, 0),
           FLOATS(model, "2", 5, 1), FLOATS(model, "2", 4, 16));
    assert_int_equal(graph_set_number(normal->producer, "epsilon", 0), STATUS_OK);
    test_graph_output(model, normal);
    const struct slice name = normal->name;
    test_graph_expect(model, fold_graph, 1, ROUNDING);
    const struct graph_node *node = only_node(model);
    assert_true(slice_equal(node->outputs[0]->name, name));
    EXPECT(graph_input(node, 1), 3, 1);     /* 2 * 3/2, 4 * 1/4 */
    EXPECT(graph_input(node, 2), -2, 0.5F); /* 3/2 * (1 - 5) + 4, 1/4 * (3 - 1) + 0 */
    onnx_file_close(model);
}

static void test_fold__a_convolution_without_bias_gets_one(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *layer =
        OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "2x1x1x1", 2, 4));
    test_graph_output(model, OP(model, "Add", FLOATS(model, "2x1x1", 7, 8), layer));
    test_graph_expect(model, fold_graph, 1, ROUNDING);
    EXPECT(graph_input(only_node(model), 2), 7, 8);
    onnx_file_close(model);
}

static void test_fold__a_chain_after_a_convolution(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Conv", image(model, "1x1x2x2"),
                                   FLOATS(model, "2x1x1x1", 2, 4), FLOATS(model, "2", 1, 3));
    value = OP(model, "Mul", value, FLOATS(model, "1x2x1x1", 2, 3));
    value = OP(model, "Add", value, FLOATS(model, "", 1));
    value = OP(model, "Div", value, FLOATS(model, "1", 2));
    value = OP(model, "Sub", value, FLOATS(model, "2x1x1", 1, 2));
    value = OP(model, "Sub", FLOATS(model, "1x1", 10), value);
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 5, ROUNDING);
    EXPECT(graph_input(only_node(model), 1), -2, -6);
    EXPECT(graph_input(only_node(model), 2), 10 - 0.5F, 10 - 3); /* 10 - ((b*m+1)/2 - c) */
    onnx_file_close(model);
}

static void test_fold__groups_of_a_convolution(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Mul", image(model, "1x4x5x5"), FLOATS(model, "4x1x1", 1, 2, 3, 4));
    value = OP(model, "Conv", value, test_graph_weights(model, "6x2x3x3", 1));
    (void)grouped(value, 2);
    pad(value, 1);
    test_graph_output(model, OP(model, "Mul", value, FLOATS(model, "6x1x1", 1, 2, 3, 4, 5, 6)));
    test_graph_expect(model, fold_graph, 2, ROUNDING);
    (void)only_node(model);
    onnx_file_close(model);
}

static void test_fold__groups_of_a_transposed_convolution(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Mul", image(model, "1x4x5x5"), FLOATS(model, "4x1x1", 1, 2, 3, 4));
    value = OP(model, "ConvTranspose", value, test_graph_weights(model, "4x3x3x3", 1),
               test_graph_weights(model, "6", 2));
    (void)grouped(value, 2);
    value = OP(model, "Mul", value, FLOATS(model, "6x1x1", 1, 2, 3, 4, 5, 6));
    test_graph_output(model, OP(model, "Add", value, test_graph_weights(model, "1x6x1x1", 3)));
    test_graph_expect(model, fold_graph, 3, ROUNDING);
    (void)only_node(model);
    onnx_file_close(model);
}

static void test_fold__around_a_gemm(void **state) {
    (void)state;
    for (int64_t turned = 0; turned < 2; turned++) {
        for (int biased = 0; biased < 4; biased++) {
            static const char *const BIASES[] = {NULL, "3", "1x3", ""};
            struct graph_model *model = begun();
            struct graph_value *value =
                OP(model, "Mul", image(model, "4x2"), FLOATS(model, "2", 2, 3));
            value = OP(model, "Add", value, FLOATS(model, "1x2", 5, 7));
            struct graph_value *weights = test_graph_weights(model, turned ? "3x2" : "2x3", 1);
            value = biased > 0 ? OP(model, "Gemm", value, weights,
                                    test_graph_weights(model, BIASES[biased], 2))
                               : OP(model, "Gemm", value, weights);
            assert_int_equal(graph_set_integer(value->producer, "transB", turned), STATUS_OK);
            assert_int_equal(graph_set_number(value->producer, "alpha", 0.5F), STATUS_OK);
            assert_int_equal(graph_set_number(value->producer, "beta", 2), STATUS_OK);
            value = OP(model, "Mul", value, FLOATS(model, "3", 2, 3, 4));
            test_graph_output(model, OP(model, "Add", value, FLOATS(model, "1x3", 1, 2, 3)));
            test_graph_expect(model, fold_graph, 4, ROUNDING);
            (void)only_node(model);
            onnx_file_close(model);
        }
    }
}

/* A MatMul has no bias: the scale goes in, what is added stays. */
static void test_fold__around_a_product(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Mul", image(model, "2x4x2"), FLOATS(model, "2", 2, 3));
    value = OP(model, "MatMul", value, FLOATS(model, "2x2", 1, 2, 3, 4));
    value = OP(model, "Mul", value, FLOATS(model, "1x2", 10, 100));
    test_graph_output(model, OP(model, "Add", value, FLOATS(model, "2", 1, 2)));
    test_graph_expect(model, fold_graph, 2, ROUNDING);
    assert_int_equal(test_graph_count(model, "Add"), 1);
    EXPECT(graph_input(model->main.first, 1), 20, 400, 90, 1200);
    onnx_file_close(model);
}

/* --- before a layer --- */

static void test_fold__a_shift_before_an_unpadded_convolution(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Mul", image(model, "1x2x3x3"), FLOATS(model, "1", 2));
    value = OP(model, "Add", value, FLOATS(model, "", 3));
    value = OP(model, "Conv", value, FLOATS(model, "1x2x1x2", 1, 2, 3, 4), FLOATS(model, "1", 5));
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 2, ROUNDING);
    EXPECT(graph_input(only_node(model), 1), 2, 4, 6, 8);
    EXPECT(graph_input(only_node(model), 2), 5 + 3 * (1 + 2 + 3 + 4));
    onnx_file_close(model);
}

/* The padding stands behind the Add: only what is multiplied can go through it. */
static void test_fold__a_shift_before_a_padded_convolution_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Mul", image(model, "1x2x3x3"), FLOATS(model, "1", 2));
    value = OP(model, "Add", value, FLOATS(model, "", 3));
    value = OP(model, "Conv", value, FLOATS(model, "1x2x1x1", 1, 2), FLOATS(model, "1", 5));
    pad(value, 1);
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 1, ROUNDING);
    assert_int_equal(test_graph_count(model, "Mul"), 0);
    assert_int_equal(test_graph_count(model, "Add"), 1);
    EXPECT(graph_input(model->main.first, 1), 1.5F);
    EXPECT(graph_input(value->producer, 1), 2, 4);
    EXPECT(graph_input(value->producer, 2), 5);
    const struct graph_value *weights = graph_input(value->producer, 1);
    test_graph_expect(model, fold_graph, 0, 0);
    assert_ptr_equal(graph_input(value->producer, 1), weights); /* and nothing is made again */
    onnx_file_close(model);
}

/* The same where the padding is not in numbers. */
static void test_fold__a_shift_before_an_automatic_padding_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Add", image(model, "1x1x3x3"), FLOATS(model, "", 3));
    value = OP(model, "Conv", value, FLOATS(model, "1x1x2x2", 1, 2, 3, 4));
    assert_int_equal(graph_set_text(value->producer, "auto_pad", SLICE("SAME_UPPER")), STATUS_OK);
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

/* Where the output grows, not every place sees all of the kernel. */
static void test_fold__a_shift_before_a_transposed_convolution_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = OP(model, "Add", image(model, "1x1x3x3"), FLOATS(model, "", 3));
    value = OP(model, "ConvTranspose", value, FLOATS(model, "1x1x2x2", 1, 2, 3, 4));
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__one_shift_for_each_channel_is_left(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "BatchNormalization", image(model, "1x2x3x3"), FLOATS(model, "2", 2, 4),
           FLOATS(model, "2", 3, 5), FLOATS(model, "2", 0, 0), FLOATS(model, "2", 1, 1));
    assert_int_equal(graph_set_number(value->producer, "epsilon", 0), STATUS_OK);
    value = OP(model, "Mul", value, FLOATS(model, "", 2));
    value = OP(model, "Conv", value, FLOATS(model, "1x2x1x1", 1, 2));
    pad(value, 1);
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 1, ROUNDING);
    EXPECT(graph_input(model->main.first, 1), 1.5F, 1.25F);
    EXPECT(graph_input(value->producer, 1), 4, 16);
    onnx_file_close(model);
}

/* Nothing can be divided by zero. */
static void test_fold__a_shift_of_a_channel_without_scale_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Mul", image(model, "1x2x3x3"), FLOATS(model, "2x1x1", 0, 2));
    value = OP(model, "Add", value, FLOATS(model, "", 3));
    value = OP(model, "Conv", value, FLOATS(model, "1x2x1x1", 1, 2));
    pad(value, 1);
    test_graph_output(model, value);
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

/* --- who else sees it --- */

static void test_fold__what_others_use_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "1x1x1x1", 2));
    test_graph_output(model, OP(model, "Mul", value, FLOATS(model, "", 3)));
    test_graph_output(model, OP(model, "Relu", value));
    struct graph_value *before = OP(model, "Mul", value, FLOATS(model, "", 5));
    test_graph_output(model, OP(model, "Conv", before, FLOATS(model, "1x1x1x1", 2)));
    test_graph_output(model, OP(model, "Relu", before));
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__what_the_model_gives_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "1x1x1x1", 2));
    struct graph_value *after = OP(model, "Mul", value, FLOATS(model, "", 3));
    test_graph_output(model, value);
    test_graph_output(model, after);
    test_graph_output(model, OP(model, "Conv", after, FLOATS(model, "1x1x1x1", 2)));
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__what_a_body_uses_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = image(model, "1x1x2x2");
    struct graph_value *value = OP(model, "Conv", x, FLOATS(model, "1x1x1x1", 2));
    struct graph_value *either =
        OP(model, "If", test_graph_input(model, "go", ELEMENT_BOOLEAN, ""));
    struct graph *body = test_graph_body(either->producer, "then_branch");
    struct graph_value *three = graph_add_floats(body, SLICE("three"), &(const float){3}, 1, true);
    (void)test_graph_within(body, "Mul", value, three, true);
    body = test_graph_body(either->producer, "else_branch");
    (void)test_graph_within(body, "Relu", x, NULL, true);
    test_graph_output(model, either);
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__weights_of_others_are_not_copied(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *weights = test_graph_weights(model, "64x32x1x1", 1); /* 8 KiB */
    struct graph_value *x = image(model, "1x32x2x2");
    for (int i = 0; i < 2; i++) {
        test_graph_output(model,
                          OP(model, "Mul", OP(model, "Conv", x, weights), FLOATS(model, "", 3)));
    }
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__weights_that_a_caller_may_replace_stay(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *weights = FLOATS(model, "1x1x1x1", 2);
    struct graph_value *value = OP(model, "Conv", image(model, "1x1x2x2"), weights);
    weights->is_input = true;
    weights->type = test_graph_type(model, ELEMENT_FLOAT32, "1x1x1x1");
    assert_true(graph_values_add(model, &model->main.inputs, weights));
    test_graph_output(model, OP(model, "Mul", value, FLOATS(model, "", 3)));
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

/* --- constants that are not for channels --- */

static void expect_stays_after(const char *constant_shape) {
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Conv", image(model, "2x1x2x2"), FLOATS(model, "2x1x1x1", 2, 3));
    test_graph_output(model, OP(model, "Mul", value, test_graph_weights(model, constant_shape, 1)));
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__constants_along_other_axes_stay(void **state) {
    (void)state;
    expect_stays_after("2");         /* the last axis */
    expect_stays_after("1x1x1x2");   /* the same */
    expect_stays_after("2x1");       /* the last but one */
    expect_stays_after("2x1x1x1");   /* the first */
    expect_stays_after("2x2x1");     /* channels, and one more */
    expect_stays_after("1x1x1x1x1"); /* the output would lose an axis */
}

/* One channel is stretched to three. */
static void test_fold__constants_with_more_channels_stay(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "1x1x1x1", 2));
    test_graph_output(model, OP(model, "Mul", value, FLOATS(model, "3x1x1", 1, 2, 3)));
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

/* The constant makes the channels, or the axes, that the layer takes. */
static void test_fold__constants_that_stretch_the_input_stay(void **state) {
    (void)state;
    static const char *const INPUTS[] = {"1x1x2x2", "?x?x2x2", "2x2"};
    static const char *const CONSTANTS[] = {"2x1x1", "2x1x1", "1x2x1x1"};
    for (int i = 0; i < 3; i++) {
        struct graph_model *model = begun();
        struct graph_value *x = image(model, INPUTS[i]);
        struct graph_value *value = OP(model, "Mul", x, test_graph_weights(model, CONSTANTS[i], 1));
        test_graph_output(model, OP(model, "Conv", value, FLOATS(model, "1x2x1x1", 2, 3)));
        uint32_t changes = 0;
        assert_int_equal(fold_graph(model, &changes, NULL), STATUS_OK);
        assert_int_equal(changes, 0);
        onnx_file_close(model);
    }
}

/* A row times a matrix is a row: a constant of two axes gives it one more. */
static void test_fold__constants_with_more_axes_than_a_product_stay(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "MatMul", image(model, "2"), FLOATS(model, "2x2", 1, 2, 3, 4));
    test_graph_output(model, OP(model, "Mul", value, FLOATS(model, "1x2", 10, 100)));
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

/* --- numbers --- */

static void test_fold__numbers_that_overflow_stay(void **state) {
    (void)state;
    static const float FACTORS[] = {1e30F, 1e-30F, 0};
    for (int i = 0; i < 3; i++) {
        struct graph_model *model = begun();
        struct graph_value *value =
            OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "1x1x1x1", 2));
        test_graph_output(model,
                          OP(model, "Div", value, test_graph_floats(model, "", &FACTORS[i], 1)));
        uint32_t changes = 0;
        assert_int_equal(fold_graph(model, &changes, NULL), STATUS_OK);
        assert_int_equal(changes, 0);
        onnx_file_close(model);
    }
    struct graph_model *model = begun();
    struct graph_value *value =
        OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "1x1x1x1", 1e37F));
    test_graph_output(model, OP(model, "Mul", value, FLOATS(model, "", 100)));
    uint32_t changes = 0;
    assert_int_equal(fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

/* ONNX Runtime makes LayerNormalization of it as long as it is whole. */
static void test_fold__a_layer_normalization_stays_whole(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = image(model, "2x3x4");
    struct graph_value *mean = OP(model, "ReduceMean", x);
    test_graph_integers(mean, "axes", &(const int64_t){-1}, 1);
    struct graph_value *apart = OP(model, "Sub", x, mean);
    struct graph_value *square = OP(model, "Pow", apart, FLOATS(model, "", 2));
    struct graph_value *variance = OP(model, "ReduceMean", square);
    test_graph_integers(variance, "axes", &(const int64_t){-1}, 1);
    variance = OP(model, "Sqrt", OP(model, "Add", variance, FLOATS(model, "", 1e-5F)));
    struct graph_value *value = OP(model, "Div", apart, variance);
    value = OP(model, "Mul", value, FLOATS(model, "4", 1, 2, 3, 4));
    value = OP(model, "Add", value, FLOATS(model, "4", 1, 2, 3, 4));
    test_graph_output(model, OP(model, "MatMul", value, test_graph_weights(model, "4x2", 1)));
    assert_int_equal(inferred_types(model, NULL), STATUS_OK);
    test_graph_expect(model, fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_fold__training_and_old_operators_stay(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct graph_model *model = test_graph_new(i == 0 ? 15 : 6);
        struct graph_value *layer =
            OP(model, "Conv", image(model, "1x1x2x2"), FLOATS(model, "1x1x1x1", 2));
        struct graph_value *value =
            OP(model, "BatchNormalization", layer, FLOATS(model, "1", 3), FLOATS(model, "1", 4),
               FLOATS(model, "1", 5), FLOATS(model, "1", 4));
        if (i == 0) {
            assert_int_equal(graph_set_integer(value->producer, "training_mode", 1), STATUS_OK);
        }
        test_graph_output(model, value);
        uint32_t changes = 0;
        assert_int_equal(fold_graph(model, &changes, NULL), STATUS_OK);
        assert_int_equal(changes, 0);
        onnx_file_close(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold__normalization_after_a_convolution),
        cmocka_unit_test(test_fold__a_convolution_without_bias_gets_one),
        cmocka_unit_test(test_fold__a_chain_after_a_convolution),
        cmocka_unit_test(test_fold__groups_of_a_convolution),
        cmocka_unit_test(test_fold__groups_of_a_transposed_convolution),
        cmocka_unit_test(test_fold__around_a_gemm),
        cmocka_unit_test(test_fold__around_a_product),
        cmocka_unit_test(test_fold__a_shift_before_an_unpadded_convolution),
        cmocka_unit_test(test_fold__a_shift_before_a_padded_convolution_stays),
        cmocka_unit_test(test_fold__a_shift_before_an_automatic_padding_stays),
        cmocka_unit_test(test_fold__a_shift_before_a_transposed_convolution_stays),
        cmocka_unit_test(test_fold__one_shift_for_each_channel_is_left),
        cmocka_unit_test(test_fold__a_shift_of_a_channel_without_scale_stays),
        cmocka_unit_test(test_fold__what_others_use_stays),
        cmocka_unit_test(test_fold__what_the_model_gives_stays),
        cmocka_unit_test(test_fold__what_a_body_uses_stays),
        cmocka_unit_test(test_fold__weights_of_others_are_not_copied),
        cmocka_unit_test(test_fold__weights_that_a_caller_may_replace_stay),
        cmocka_unit_test(test_fold__constants_along_other_axes_stay),
        cmocka_unit_test(test_fold__constants_with_more_channels_stay),
        cmocka_unit_test(test_fold__constants_that_stretch_the_input_stay),
        cmocka_unit_test(test_fold__constants_with_more_axes_than_a_product_stay),
        cmocka_unit_test(test_fold__numbers_that_overflow_stay),
        cmocka_unit_test(test_fold__a_layer_normalization_stays_whole),
        cmocka_unit_test(test_fold__training_and_old_operators_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
