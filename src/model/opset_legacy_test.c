// SPDX-License-Identifier: Apache-2.0
#include "model/test_opset.h"

/* --- what is older than ONNX Runtime knows --- */

/* x and a second operand that lies on it from `axis` on; -2: the attributes are left away. */
static struct graph_model *broadcast(int opset, const char *op, const char *second, bool is_given,
                                     int64_t axis) {
    struct graph_model *model = test_graph_new(opset);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3x4x5");
    struct graph_value *other = is_given ? test_graph_input(model, "y", ELEMENT_FLOAT32, second)
                                         : test_graph_weights(model, second, 3);
    struct graph_value *output = OP(model, op, input, other);
    if (axis != -2) {
        SET(graph_set_integer(output->producer, "broadcast", 1));
        SET(graph_set_integer(output->producer, "axis", axis));
    }
    test_graph_output(model, output);
    return model;
}

static void test_opset_upgrade__a_second_operand_lies_where_its_axis_says(void **state) {
    (void)state;
    expect_means(broadcast(6, "Add", "3x4", false, 1), broadcast(13, "Add", "3x4x1", false, -2));
    expect_means(broadcast(6, "Mul", "3", true, 1), broadcast(13, "Mul", "3x1x1", true, -2));
    expect_means(broadcast(6, "Sub", "4x5", false, 2), broadcast(13, "Sub", "4x5", false, -2));
    expect_means(broadcast(6, "Div", "5", false, -1), broadcast(13, "Div", "5", false, -2));
    expect_means(broadcast(6, "Add", "1x1", false, 0), broadcast(13, "Add", "1x1", false, -2));
    expect_means(broadcast(6, "PRelu", "3", false, -2), broadcast(13, "PRelu", "3x1x1", false, -2));
    expect_means(broadcast(6, "PRelu", "1", false, -2), broadcast(13, "PRelu", "1", false, -2));
    expect_refused(broadcast(6, "Add", "3x4", false, 3), 13, "(Add)");
    expect_refused(broadcast(6, "PRelu", "3x1x1", false, -2), 13, "(PRelu)");
}

/* Numbers laid from dimension 1 on upon what an operator makes of which nothing is known. */
static struct graph_model *laid_on_unknown(const char *shape) {
    struct graph_model *model = test_graph_new(6);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3x4");
    struct graph_value *alien = OP(model, "Alien", input);
    alien->producer->domain = SLICE("elsewhere");
    struct graph_value *output = OP(model, "Add", alien, test_graph_weights(model, shape, 1));
    SET(graph_set_integer(output->producer, "broadcast", 1));
    SET(graph_set_integer(output->producer, "axis", 1));
    test_graph_output(model, output);
    return model;
}

static void test_opset_upgrade__what_lies_on_an_unknown_rank_is_refused(void **state) {
    (void)state;
    expect_refused(laid_on_unknown("3"), 13, "dimensions");
    struct graph_model *model = laid_on_unknown("1"); /* one number lies on all */
    assert_int_equal(opset_upgrade(model, 13, &(uint32_t){0}, NULL), STATUS_OK);
    onnx_file_close(model);
}

static void test_opset_upgrade__defaults_of_the_first_versions_are_said(void **state) {
    (void)state;
    struct graph_model *old;
    struct graph_model *meant;
    (void)one_node(&old, 5, "Selu", "2x3");
    struct graph_node *node = one_node(&meant, 13, "Selu", "2x3");
    SET(graph_set_number(node, "alpha", 1.6732F));
    SET(graph_set_number(node, "gamma", 1.0507F));
    expect_means(old, meant);

    old = test_graph_new(3);
    struct graph_value *input = test_graph_input(old, "x", ELEMENT_FLOAT32, "2x3x2");
    test_graph_output(old, OP(old, "Concat", input, input));
    meant = test_graph_new(13);
    input = test_graph_input(meant, "x", ELEMENT_FLOAT32, "2x3x2");
    test_graph_output(meant, OP(meant, "Concat", input, input));
    SET(graph_set_integer(meant->main.last, "axis", 1));
    expect_means(old, meant);
}

static void test_opset_upgrade__first_forms_are_rewritten(void **state) {
    (void)state;
    struct graph_model *old;
    struct graph_model *meant;
    struct graph_node *node = one_node(&old, 4, "Reshape", "2x6");
    SET_INTEGERS(node, "shape", 3, 4);
    const int64_t shape[] = {3, 4};
    (void)one_node(&meant, 13, "Reshape", "2x6");
    SET(graph_set_input(meant->main.first, 1,
                        graph_add_integers(&meant->main, SLICE("s"), shape, 2, false)));
    expect_means(old, meant);

    node = one_node(&old, 5, "Cast", "2x6");
    SET(graph_set_text(node, "to", SLICE("INT64")));
    node = one_node(&meant, 13, "Cast", "2x6");
    SET(graph_set_integer(node, "to", ELEMENT_INT64));
    expect_means(old, meant);

    node = one_node(&old, 1, "LpPool", "1x2x4x4");
    SET_INTEGERS(node, "kernel_shape", 2, 2);
    SET(graph_set_number(node, "p", 2));
    node = one_node(&meant, 13, "LpPool", "1x2x4x4");
    SET_INTEGERS(node, "kernel_shape", 2, 2);
    expect_means(old, meant);
    node = one_node(&old, 1, "LpPool", "1x2x4x4");
    SET(graph_set_number(node, "p", 2.5F));
    expect_refused(old, 13, "whole");
}

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opset_upgrade__a_second_operand_lies_where_its_axis_says),
        cmocka_unit_test(test_opset_upgrade__what_lies_on_an_unknown_rank_is_refused),
        cmocka_unit_test(test_opset_upgrade__defaults_of_the_first_versions_are_said),
        cmocka_unit_test(test_opset_upgrade__first_forms_are_rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
