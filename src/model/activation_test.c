// SPDX-License-Identifier: Apache-2.0
#include "model/activation.h"

#include "model/test_graph.h"

static const double ROUNDING = 1e-6;

enum { OPSET_OF_ATTRIBUTES = 10, OPSET = 13 };

static struct graph_model *begun(int opset) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(opset);
}

static struct graph_value *number(struct graph_model *model, float number) {
    return test_graph_floats(model, "", &number, 1);
}

static struct graph_value *clip(struct graph_model *model, struct graph_value *value, float least,
                                float most) {
    if (graph_opset(model) >= 11) {
        return OP(model, "Clip", value, number(model, least), number(model, most));
    }
    struct graph_value *clipped = OP(model, "Clip", value);
    assert_int_equal(graph_set_number(clipped->producer, "min", least), STATUS_OK);
    assert_int_equal(graph_set_number(clipped->producer, "max", most), STATUS_OK);
    return clipped;
}

static struct graph_value *input(struct graph_model *model) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3x4x4");
}

/* Behind something that computes, as in a network. */
static struct graph_value *begin(struct graph_model *model) {
    return OP(model, "Neg", input(model));
}

/* x * HardSigmoid(x, 1/6, 1/2) and nothing else. */
static void expect_swish(struct graph_model *model, struct graph_value *value) {
    test_graph_output(model, OP(model, "Abs", value));
    test_graph_expect(model, activation_rewrite, 1, ROUNDING);
    const struct graph_node *node = model->main.first->after;
    assert_true(graph_node_is(node, "HardSigmoid"));
    assert_true(graph_number(node, "alpha", 0) == 1.0F / 6);
    assert_true(graph_number(node, "beta", 0) == 0.5F);
    assert_true(graph_node_is(node->after, "Mul"));
    assert_ptr_equal(graph_input(node->after, 0), model->main.first->outputs[0]);
    assert_ptr_equal(graph_input(node->after, 1), node->outputs[0]);
    assert_true(graph_node_is(node->after->after, "Abs"));
    onnx_file_close(model);
}

static void test_activation__a_hard_swish_in_any_order(void **state) {
    (void)state;
    for (int opset = OPSET_OF_ATTRIBUTES; opset <= OPSET; opset += OPSET - OPSET_OF_ATTRIBUTES) {
        for (uint32_t order = 0; order < 8; order++) {
            struct graph_model *model = begun(opset);
            struct graph_value *x = begin(model);
            struct graph_value *three = number(model, 3);
            struct graph_value *sum =
                order & 1 ? OP(model, "Add", three, x) : OP(model, "Add", x, three);
            struct graph_value *gate = clip(model, sum, 0, 6);
            struct graph_value *product =
                order & 2 ? OP(model, "Mul", gate, x) : OP(model, "Mul", x, gate);
            expect_swish(model, order & 4 ? OP(model, "Mul", number(model, 1.0F / 6), product)
                                          : OP(model, "Div", product, number(model, 6)));
        }
    }
}

static void test_activation__a_hard_swish_that_is_scaled_elsewhere(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    struct graph_value *x = begin(model);
    struct graph_value *gate = clip(model, OP(model, "Add", x, number(model, 3)), 0, 6);
    expect_swish(model, OP(model, "Mul", OP(model, "Div", x, number(model, 6)), gate));
    model = begun(OPSET);
    x = begin(model);
    gate = clip(model, OP(model, "Sub", x, number(model, -3)), 0, 6);
    gate = OP(model, "Div", gate, number(model, 2));
    expect_swish(model, OP(model, "Div", OP(model, "Mul", x, gate), number(model, 3)));
}

static void test_activation__a_hard_swish_of_minimum_and_maximum(void **state) {
    (void)state;
    for (int order = 0; order < 3; order++) {
        struct graph_model *model = begun(OPSET);
        struct graph_value *x = begin(model);
        struct graph_value *sum = OP(model, "Add", x, number(model, 3));
        struct graph_value *gate;
        if (order == 0) {
            gate = OP(model, "Min", OP(model, "Max", sum, number(model, 0)), number(model, 6));
        } else if (order == 1) {
            gate = OP(model, "Max", number(model, 0), OP(model, "Min", number(model, 6), sum));
        } else {
            gate = OP(model, "Min", OP(model, "Relu", sum), number(model, 6));
        }
        expect_swish(model, OP(model, "Div", OP(model, "Mul", x, gate), number(model, 6)));
    }
}

/* The gate alone becomes HardSigmoid, and then it is a hard swish. */
static void test_activation__a_hard_swish_of_a_hard_sigmoid(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    struct graph_value *x = begin(model);
    struct graph_value *gate = clip(model, OP(model, "Add", x, number(model, 3)), 0, 6);
    gate = OP(model, "Div", gate, number(model, 6));
    expect_swish(model, OP(model, "Mul", x, gate));
}

static void expect_sigmoid(struct graph_model *model, struct graph_value *value, float alpha,
                           float beta) {
    test_graph_output(model, OP(model, "Abs", value));
    test_graph_expect(model, activation_rewrite, 1, ROUNDING);
    const struct graph_node *node = model->main.first->after;
    assert_true(graph_node_is(node, "HardSigmoid"));
    assert_true(fabsf(graph_number(node, "alpha", 0) - alpha) < 1e-7F);
    assert_true(fabsf(graph_number(node, "beta", 0) - beta) < 1e-7F);
    assert_true(graph_node_is(node->after, "Abs"));
    onnx_file_close(model);
}

static void test_activation__a_hard_sigmoid(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET_OF_ATTRIBUTES);
    struct graph_value *gate = clip(model, OP(model, "Add", begin(model), number(model, 3)), 0, 6);
    expect_sigmoid(model, OP(model, "Div", gate, number(model, 6)), 1.0F / 6, 0.5F);
    model = begun(OPSET);
    gate = OP(model, "Mul", begin(model), number(model, 0.2F));
    gate = OP(model, "Add", gate, number(model, 0.5F));
    expect_sigmoid(model, clip(model, gate, 0, 1), 0.2F, 0.5F);
}

static void expect_stays(struct graph_model *model, struct graph_value *value) {
    test_graph_output(model, OP(model, "Abs", value));
    test_graph_expect(model, activation_rewrite, 0, 0);
    onnx_file_close(model);
}

static void test_activation__other_numbers_stay(void **state) {
    (void)state;
    static const float NUMBERS[][3] = {{-1, 6, 6}, {0, 6, 5.999F}, {0, 5, 6}};
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        struct graph_model *model = begun(OPSET);
        struct graph_value *x = begin(model);
        struct graph_value *gate =
            clip(model, OP(model, "Add", x, number(model, 3)), NUMBERS[i][0], NUMBERS[i][1]);
        expect_stays(model,
                     OP(model, "Div", OP(model, "Mul", x, gate), number(model, NUMBERS[i][2])));
    }
    struct graph_model *model = begun(OPSET); /* a clip to the unit is no hard sigmoid */
    expect_stays(model, clip(model, begin(model), 0, 1));
}

/* The gate is of another value than it is multiplied with. */
static void test_activation__a_gate_of_something_else_is_no_swish(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    struct graph_value *x = begin(model);
    struct graph_value *other = OP(model, "Sqrt", OP(model, "Abs", x));
    struct graph_value *gate = clip(model, OP(model, "Add", other, number(model, 3)), 0, 6);
    expect_stays(model, OP(model, "Div", OP(model, "Mul", x, gate), number(model, 6)));
}

static void test_activation__what_others_use_stays(void **state) {
    (void)state;
    for (int used = 0; used < 3; used++) {
        struct graph_model *model = begun(OPSET);
        struct graph_value *x = begin(model);
        struct graph_value *sum = OP(model, "Add", x, number(model, 3));
        struct graph_value *gate = clip(model, sum, 0, 6);
        struct graph_value *product = OP(model, "Mul", x, gate);
        test_graph_output(model, used == 0 ? sum : used == 1 ? gate : product);
        expect_stays(model, OP(model, "Div", product, number(model, 6)));
    }
}

/* Three of one axis makes of a number a row. */
static void test_activation__numbers_with_more_axes_stay(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    struct graph_value *x = OP(model, "Neg", test_graph_input(model, "x", ELEMENT_FLOAT32, ""));
    struct graph_value *sum = OP(model, "Add", x, FLOATS(model, "1", 3));
    struct graph_value *gate = clip(model, sum, 0, 6);
    expect_stays(model, OP(model, "Div", OP(model, "Mul", x, gate), number(model, 6)));
}

/* A gate for each channel lets x through, and x is added. */
static void test_activation__a_gate_with_a_way_around_it_is_one_product(void **state) {
    (void)state;
    for (uint32_t order = 0; order < 4; order++) {
        struct graph_model *model = begun(OPSET);
        struct graph_value *x = input(model);
        struct graph_value *g = OP(model, "Sigmoid", OP(model, "GlobalAveragePool", x));
        struct graph_value *gated = order & 1 ? OP(model, "Mul", g, x) : OP(model, "Mul", x, g);
        struct graph_value *sum =
            order & 2 ? OP(model, "Add", gated, x) : OP(model, "Add", x, gated);
        test_graph_output(model, OP(model, "Abs", sum));
        test_graph_expect(model, activation_rewrite, 1, ROUNDING);
        const struct graph_node *more = g->producer->after;
        assert_true(graph_node_is(more, "Add"));
        assert_ptr_equal(graph_input(more, 0), g);
        assert_true(graph_node_is(more->after, "Mul"));
        assert_ptr_equal(graph_input(more->after, 0), x);
        assert_true(graph_node_is(more->after->after, "Abs"));
        onnx_file_close(model);
    }
}

/* The product is seen elsewhere, is of something else, or is of whole numbers, which shapes are. */
static void test_activation__other_sums_stay(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    struct graph_value *x = input(model);
    struct graph_value *gated = OP(model, "Mul", x, OP(model, "Sigmoid", x));
    test_graph_output(model, gated);
    expect_stays(model, OP(model, "Add", x, gated));
    model = begun(OPSET);
    x = input(model);
    gated = OP(model, "Mul", OP(model, "Exp", x), OP(model, "Sigmoid", x));
    expect_stays(model, OP(model, "Add", x, gated));
    model = begun(OPSET);
    x = OP(model, "Shape", input(model));
    expect_stays(model, OP(model, "Add", x, OP(model, "Mul", x, x)));
}

static struct graph_value *product(struct graph_model *model, const char *shape,
                                   struct graph_value *added) {
    struct graph_value *value =
        OP(model, "MatMul", test_graph_input(model, "x", ELEMENT_FLOAT32, shape),
           test_graph_weights(model, "3x2", 1));
    return OP(model, "Add", value, added);
}

static void test_activation__a_product_and_a_sum_of_matrices_are_one(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    test_graph_output(model, product(model, "?x3", FLOATS(model, "2", 1, 2)));
    test_graph_expect(model, activation_rewrite, 1, ROUNDING);
    assert_true(graph_node_is(model->main.first, "Gemm"));
    assert_null(model->main.first->after);
    onnx_file_close(model);
}

static void test_activation__a_product_of_something_else_stays(void **state) {
    (void)state;
    struct graph_model *model = begun(OPSET);
    test_graph_output(model, product(model, "2x2x3", FLOATS(model, "2", 1, 2)));
    test_graph_expect(model, activation_rewrite, 0, 0);
    onnx_file_close(model);
    model = begun(OPSET); /* a column is not added to every row alike */
    test_graph_output(model, product(model, "2x3", FLOATS(model, "2x1", 1, 2)));
    test_graph_expect(model, activation_rewrite, 0, 0);
    onnx_file_close(model);
    model = begun(OPSET); /* the rank is not known */
    struct graph_value *rows = test_graph_input(model, "rows", ELEMENT_INT64, "?");
    struct graph_value *x = OP(model, "Reshape", number(model, 1), rows);
    struct graph_value *value = OP(model, "MatMul", x, test_graph_weights(model, "3x2", 1));
    test_graph_output(model, OP(model, "Add", value, FLOATS(model, "2", 1, 2)));
    uint32_t changes = 0;
    assert_int_equal(activation_rewrite(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation__a_hard_swish_in_any_order),
        cmocka_unit_test(test_activation__a_hard_swish_that_is_scaled_elsewhere),
        cmocka_unit_test(test_activation__a_hard_swish_of_minimum_and_maximum),
        cmocka_unit_test(test_activation__a_hard_swish_of_a_hard_sigmoid),
        cmocka_unit_test(test_activation__a_hard_sigmoid),
        cmocka_unit_test(test_activation__other_numbers_stay),
        cmocka_unit_test(test_activation__a_gate_of_something_else_is_no_swish),
        cmocka_unit_test(test_activation__what_others_use_stays),
        cmocka_unit_test(test_activation__numbers_with_more_axes_stay),
        cmocka_unit_test(test_activation__a_gate_with_a_way_around_it_is_one_product),
        cmocka_unit_test(test_activation__other_sums_stay),
        cmocka_unit_test(test_activation__a_product_and_a_sum_of_matrices_are_one),
        cmocka_unit_test(test_activation__a_product_of_something_else_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
