// SPDX-License-Identifier: Apache-2.0
#include "model/canonicalise.h"

#include "model/test_graph.h"

static struct graph_model *begun(int opset) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(opset);
}

static struct graph_value *input(struct graph_model *model, const char *shape) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, shape);
}

/* A Constant node with one attribute. */
static struct graph_value *constant(struct graph_model *model, struct graph_attribute attribute) {
    struct graph_node *node =
        graph_add_node(&model->main, NULL, "Constant", NULL, 0, 1, SLICE("k"));
    assert_non_null(node);
    node->attributes = arena_get(&model->arena, 1, sizeof(attribute));
    node->attributes[0] = attribute;
    node->attribute_count = 1;
    return node->outputs[0];
}

static void test_canonicalise__constants_become_initializers(void **state) {
    (void)state;
    static const float NUMBERS[] = {1, 2, 3};
    static const int64_t AXES[] = {0, 2};
    struct graph_model *model = begun(13);
    struct graph_value *held = test_graph_weights(model, "2x3", 1);
    model->main.initializers.count = 0;
    struct graph_value *value = OP(
        model, "Add", input(model, "2x3"),
        constant(model, (struct graph_attribute){
                            .name = SLICE("value"), .kind = GRAPH_TENSOR, .tensor = held->tensor}));
    value =
        OP(model, "Mul", value,
           constant(model, (struct graph_attribute){
                               .name = SLICE("value_float"), .kind = GRAPH_FLOAT, .number = 3}));
    value = OP(model, "Add", value,
               constant(model, (struct graph_attribute){.name = SLICE("value_floats"),
                                                        .kind = GRAPH_FLOATS,
                                                        .count = 3,
                                                        .numbers = NUMBERS}));
    value = OP(model, "Unsqueeze", value,
               constant(model, (struct graph_attribute){.name = SLICE("value_ints"),
                                                        .kind = GRAPH_INTS,
                                                        .count = 2,
                                                        .integers = AXES}));
    value = OP(model, "Gather", value,
               constant(model, (struct graph_attribute){
                                   .name = SLICE("value_int"), .kind = GRAPH_INT, .integer = 0}));
    test_graph_output(model, value);
    test_graph_expect(model, canonicalise_graph, 5, 0);
    assert_int_equal(test_graph_count(model, "Constant"), 0);
    assert_int_equal(model->main.initializers.count, 5);
    onnx_file_close(model);
}

/* Texts are only carried through, and an output is what a node makes. */
static void test_canonicalise__constants_that_stay(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    test_graph_output(model, constant(model, (struct graph_attribute){.name = SLICE("value_float"),
                                                                      .kind = GRAPH_FLOAT,
                                                                      .number = 3}));
    struct graph_value *text =
        constant(model, (struct graph_attribute){
                            .name = SLICE("value_string"), .kind = GRAPH_TEXT, .text = SLICE("a")});
    test_graph_output(model, OP(model, "Shape", text));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    assert_int_equal(test_graph_count(model, "Constant"), 2);
    onnx_file_close(model);
}

static void test_canonicalise__initializers_that_are_alike_are_one(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *value = input(model, "2x2");
    value = OP(model, "Add", value, FLOATS(model, "2", 1, 2));
    value = OP(model, "Add", value, FLOATS(model, "2", 1, 3));
    value = OP(model, "Add", value, FLOATS(model, "1x2", 1, 2));
    value = OP(model, "Add", value, FLOATS(model, "2x1", 1, 2));
    value = OP(model, "Add", value, FLOATS(model, "2", 1, 2));
    value = OP(model, "Add", value, FLOATS(model, "2", 1, 2));
    test_graph_output(model, value);
    test_graph_expect(model, canonicalise_graph, 2, 0);
    assert_int_equal(model->main.initializers.count, 4);
    onnx_file_close(model);
}

static void test_canonicalise__operators_that_do_nothing_go(void **state) {
    (void)state;
    static const int64_t SHAPE[] = {0, -1, 3};
    static const int64_t STILL[] = {0, 1, 2};
    static const int64_t TURN[] = {1, 2, 0};
    static const int64_t BACK[] = {2, 0, 1};
    struct graph_model *model = begun(13);
    struct graph_value *value = OP(model, "Identity", input(model, "?x2x3"));
    value = OP(model, "Dropout", value);
    value = OP(model, "Cast", value);
    assert_int_equal(graph_set_integer(value->producer, "to", ELEMENT_FLOAT32), STATUS_OK);
    value = OP(model, "Mul", FLOATS(model, "1x1", 1), value);
    value = OP(model, "Div", value, FLOATS(model, "", 1));
    value = OP(model, "Sub", value, FLOATS(model, "", 0));
    value = OP(model, "Reshape", value,
               graph_add_integers(&model->main, SLICE("shape"), SHAPE, 3, false));
    value = OP(model, "Transpose", value);
    test_graph_integers(value, "perm", STILL, 3);
    value = OP(model, "Relu", value);
    value = OP(model, "Transpose", value);
    test_graph_integers(value, "perm", TURN, 3);
    value = OP(model, "Transpose", value);
    test_graph_integers(value, "perm", BACK, 3);
    test_graph_output(model, value);
    const struct slice name = value->name;
    test_graph_expect(model, canonicalise_graph, 9, 0);
    assert_null(model->main.first->after);
    assert_true(slice_is(model->main.first->op, "Relu"));
    assert_true(slice_equal(model->main.first->outputs[0]->name, name));
    onnx_file_close(model);
}

/* An input cannot have the name of an output. */
static void test_canonicalise__what_lies_between_input_and_output_stays(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *x = input(model, "2");
    test_graph_output(model, OP(model, "Identity", x));
    struct graph_value *value = OP(model, "Relu", x);
    test_graph_output(model, value);
    test_graph_output(model, OP(model, "Identity", value));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    assert_int_equal(test_graph_count(model, "Identity"), 2);
    onnx_file_close(model);
}

static void test_canonicalise__a_dropout_that_does_something_stays(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *dropped[] = {input(model, "2"), FLOATS(model, "", 0.5F),
                                     test_graph_input(model, "train", ELEMENT_BOOLEAN, "")};
    test_graph_output(model, OP(model, "Relu", test_graph_op(model, "Dropout", dropped, 3)));
    struct graph_node *masked =
        graph_add_node(&model->main, NULL, "Dropout", dropped, 1, 2, SLICE("d"));
    test_graph_output(model, OP(model, "Relu", masked->outputs[0]));
    test_graph_output(model, masked->outputs[1]);
    uint32_t changes = 0;
    assert_int_equal(canonicalise_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    assert_int_equal(test_graph_count(model, "Dropout"), 2);
    onnx_file_close(model);
}

static void test_canonicalise__reshapes_and_casts_that_do_something_stay(void **state) {
    (void)state;
    static const int64_t FLAT[] = {-1, 2};
    static const int64_t OTHER[] = {1, 3, 2};
    struct graph_model *model = begun(13);
    struct graph_value *x = input(model, "1x2x3");
    struct graph_value *shaped =
        OP(model, "Reshape", x, graph_add_integers(&model->main, SLICE("s"), FLAT, 2, false));
    test_graph_output(model, OP(model, "Neg", shaped));
    shaped = OP(model, "Reshape", x, graph_add_integers(&model->main, SLICE("s"), OTHER, 3, false));
    test_graph_output(model, OP(model, "Softmax", shaped));
    struct graph_value *cast = OP(model, "Cast", x);
    assert_int_equal(graph_set_integer(cast->producer, "to", ELEMENT_INT64), STATUS_OK);
    test_graph_output(model, OP(model, "Neg", cast));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    onnx_file_close(model);
}

/* What a file declares of a value between nodes may be wrong. */
static void test_canonicalise__a_wrong_declaration_is_not_believed(void **state) {
    (void)state;
    static const int64_t SHAPE[] = {2, 3};
    struct graph_model *model = begun(13);
    struct graph_value *value = OP(model, "Transpose", input(model, "2x3"));
    value->type = test_graph_type(model, ELEMENT_FLOAT32, "2x3");
    value =
        OP(model, "Reshape", value, graph_add_integers(&model->main, SLICE("s"), SHAPE, 2, false));
    test_graph_output(model, OP(model, "Relu", value));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    onnx_file_close(model);
}

/* One that is shaped 1x1x1 makes a matrix a tensor of three axes. */
static void test_canonicalise__a_one_of_more_axes_stays(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *more = OP(model, "Mul", input(model, "2x2"), FLOATS(model, "1x1x1", 1));
    test_graph_output(model, OP(model, "Relu", more));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    assert_int_equal(test_graph_count(model, "Mul"), 1);
    onnx_file_close(model);
}

static void test_canonicalise__numbers_on_the_other_side_stay(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *x = input(model, "2");
    test_graph_output(model, OP(model, "Div", FLOATS(model, "", 1), x));
    test_graph_output(model, OP(model, "Sub", FLOATS(model, "", 0), x));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    onnx_file_close(model);
}

static void test_canonicalise__two_turns_and_two_shapes_are_one(void **state) {
    (void)state;
    static const int64_t TURN[] = {1, 2, 0};
    static const int64_t SECOND[] = {2, 12};
    struct graph_model *model = begun(13);
    struct graph_value *value = OP(model, "Transpose", input(model, "2x3x4"));
    test_graph_integers(value, "perm", TURN, 3);
    value = OP(model, "Transpose", value);
    test_graph_integers(value, "perm", TURN, 3);
    value = OP(model, "Reshape", value,
               graph_add_integers(&model->main, SLICE("s"), (const int64_t[]){4, -1}, 2, false));
    value =
        OP(model, "Reshape", value, graph_add_integers(&model->main, SLICE("s"), SECOND, 2, false));
    test_graph_output(model, OP(model, "Relu", value));
    test_graph_expect(model, canonicalise_graph, 2, 0);
    assert_int_equal(test_graph_count(model, "Transpose"), 1);
    assert_int_equal(test_graph_count(model, "Reshape"), 1);
    onnx_file_close(model);
    /* A size that is copied is that of the Reshape before. */
    model = begun(13);
    value = OP(model, "Reshape", input(model, "2x3x4"),
               graph_add_integers(&model->main, SLICE("s"), (const int64_t[]){4, -1}, 2, false));
    value = OP(model, "Reshape", value,
               graph_add_integers(&model->main, SLICE("s"), (const int64_t[]){0, 2, 3}, 3, false));
    test_graph_output(model, value);
    test_graph_expect(model, canonicalise_graph, 0, 0);
    onnx_file_close(model);
}

static void test_canonicalise__a_turn_that_others_need_stays(void **state) {
    (void)state;
    static const int64_t TURN[] = {1, 2, 0};
    struct graph_model *model = begun(13);
    struct graph_value *first = OP(model, "Transpose", input(model, "2x3x4"));
    test_graph_integers(first, "perm", TURN, 3);
    struct graph_value *second = OP(model, "Transpose", first);
    test_graph_integers(second, "perm", TURN, 3);
    test_graph_output(model, OP(model, "Relu", first));
    test_graph_output(model, OP(model, "Relu", second));
    test_graph_expect(model, canonicalise_graph, 0, 0);
    onnx_file_close(model);
}

static void test_canonicalise__two_turns_that_do_not_undo_each_other_stay(void **state) {
    (void)state;
    static const int64_t TURN[] = {1, 0, 2};
    static const int64_t OTHER[] = {0, 2, 1};
    struct graph_model *model = begun(13);
    struct graph_value *value = OP(model, "Transpose", input(model, "2x3x4"));
    test_graph_integers(value, "perm", TURN, 3);
    value = OP(model, "Transpose", value);
    test_graph_integers(value, "perm", OTHER, 3);
    test_graph_output(model, OP(model, "Relu", value));
    test_graph_expect(model, canonicalise_graph, 1, 0);
    assert_int_equal(test_graph_count(model, "Transpose"), 1);
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonicalise__constants_become_initializers),
        cmocka_unit_test(test_canonicalise__constants_that_stay),
        cmocka_unit_test(test_canonicalise__initializers_that_are_alike_are_one),
        cmocka_unit_test(test_canonicalise__operators_that_do_nothing_go),
        cmocka_unit_test(test_canonicalise__what_lies_between_input_and_output_stays),
        cmocka_unit_test(test_canonicalise__a_dropout_that_does_something_stays),
        cmocka_unit_test(test_canonicalise__reshapes_and_casts_that_do_something_stay),
        cmocka_unit_test(test_canonicalise__a_wrong_declaration_is_not_believed),
        cmocka_unit_test(test_canonicalise__a_one_of_more_axes_stays),
        cmocka_unit_test(test_canonicalise__numbers_on_the_other_side_stay),
        cmocka_unit_test(test_canonicalise__two_turns_and_two_shapes_are_one),
        cmocka_unit_test(test_canonicalise__a_turn_that_others_need_stays),
        cmocka_unit_test(test_canonicalise__two_turns_that_do_not_undo_each_other_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
