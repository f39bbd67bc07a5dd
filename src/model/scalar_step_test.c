// SPDX-License-Identifier: Apache-2.0
#include "model/scalar_step.h"

#include "model/test_graph.h"

enum { OPSET = 13 };

static void expect_step(const struct graph_value *value, const struct graph_value *from,
                        double scale, double shift) {
    struct scalar_step step;
    assert_true(scalar_step_read(value, &step));
    assert_ptr_equal(step.from, from);
    assert_true(step.scale == scale && step.shift == shift);
}

static void test_scalar_step__four_operators_and_the_order_of_two(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(OPSET);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3");
    struct graph_value *four = FLOATS(model, "1", 4);
    expect_step(OP(model, "Add", x, four), x, 1, 4);
    expect_step(OP(model, "Add", four, x), x, 1, 4);
    expect_step(OP(model, "Sub", x, four), x, 1, -4);
    expect_step(OP(model, "Mul", x, four), x, 4, 0);
    expect_step(OP(model, "Mul", four, x), x, 4, 0);
    expect_step(OP(model, "Div", x, four), x, 0.25, 0);
    onnx_file_close(model);
}

static void test_scalar_step__others_are_none(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(OPSET);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "3");
    struct graph_value *four = FLOATS(model, "1", 4);
    struct graph_value *const none_of_them[] = {
        x,
        OP(model, "Sub", four, x),
        OP(model, "Div", four, x),
        OP(model, "Div", x, FLOATS(model, "", 0)),
        OP(model, "Mul", x, FLOATS(model, "", INFINITY)),
        OP(model, "Mul", x, FLOATS(model, "1x1", 4)), /* a row would be a matrix */
        OP(model, "Add", x, FLOATS(model, "3", 1, 2, 3)),
        OP(model, "Add", x, x),
        OP(model, "Pow", x, four),
    };
    struct scalar_step step;
    for (size_t i = 0; i < sizeof(none_of_them) / sizeof(none_of_them[0]); i++) {
        assert_false(scalar_step_read(none_of_them[i], &step));
    }
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar_step__four_operators_and_the_order_of_two),
        cmocka_unit_test(test_scalar_step__others_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
