// SPDX-License-Identifier: Apache-2.0
#include "model/constant_fold.h"

#include "model/test_graph.h"

static struct graph_model *begun(void) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(13);
}

static struct graph_value *wholes(struct graph_model *model, const int64_t *numbers,
                                  uint32_t count) {
    return graph_add_integers(&model->main, SLICE("w"), numbers, count, false);
}

#define WHOLES(model, ...)                                                                         \
    wholes(model, (const int64_t[]){__VA_ARGS__},                                                  \
           sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static size_t file_bytes(const struct graph_model *model) {
    struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    assert_int_equal(onnx_file_pack(model, &bytes, NULL), STATUS_OK);
    const size_t count = bytes.count;
    buffer_done(&bytes);
    return count;
}

static struct graph_value *joined(struct graph_model *model, struct graph_value *a,
                                  struct graph_value *b) {
    struct graph_value *value = OP(model, "Concat", a, b);
    assert_int_equal(graph_set_integer(value->producer, "axis", 0), STATUS_OK);
    return value;
}

static void test_constant_fold__chains_become_one_constant(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *weights =
        joined(model, test_graph_weights(model, "3x4", 1), test_graph_weights(model, "2x4", 2));
    weights = OP(model, "Slice", weights, WHOLES(model, 1), WHOLES(model, 5), WHOLES(model, 0));
    weights = OP(model, "Transpose", weights);
    weights = OP(model, "Sqrt", OP(model, "Abs", weights));
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "4x4");
    test_graph_output(model, OP(model, "MatMul", x, weights));
    test_graph_expect(model, constant_fold_graph, 5, 0);
    assert_null(model->main.first->after);
    onnx_file_close(model);
}

static void test_constant_fold__shapes_of_constants(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *shape = OP(model, "Shape", test_graph_weights(model, "3x4", 1));
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "12");
    test_graph_output(model, OP(model, "Reshape", x, shape));
    test_graph_expect(model, constant_fold_graph, 1, 0);
    onnx_file_close(model);
}

/* Two outputs, and a third that nobody needs. */
static void test_constant_fold__all_outputs_of_a_node(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *weights = test_graph_weights(model, "6x2", 1);
    struct graph_node *split =
        graph_add_node(&model->main, NULL, "Split", &weights, 1, 3, SLICE("part"));
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x2");
    struct graph_value *value = OP(model, "Add", x, split->outputs[0]);
    test_graph_output(model, OP(model, "Mul", value, split->outputs[2]));
    test_graph_expect(model, constant_fold_graph, 1, 0);
    assert_int_equal(test_graph_count(model, "Split"), 0);
    onnx_file_close(model);
}

/* What repeats a tensor is small in a file, and what it makes is not. */
static void test_constant_fold__what_would_grow_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "64x64");
    struct graph_value *tile =
        OP(model, "Tile", OP(model, "Neg", FLOATS(model, "1x2", 1, 2)), WHOLES(model, 64, 32));
    struct graph_value *expand =
        OP(model, "Expand", FLOATS(model, "1x1", 3), WHOLES(model, 64, 64));
    struct graph_value *filled = OP(model, "ConstantOfShape", WHOLES(model, 64, 64));
    struct graph_value *value = OP(model, "Add", OP(model, "Add", x, tile), expand);
    test_graph_output(model, OP(model, "Add", value, filled));
    const size_t before = file_bytes(model);
    test_graph_expect(model, constant_fold_graph, 1, 0); /* the Neg */
    assert_int_equal(test_graph_count(model, "Tile"), 1);
    assert_int_equal(test_graph_count(model, "Expand"), 1);
    assert_int_equal(test_graph_count(model, "ConstantOfShape"), 1);
    assert_true(file_bytes(model) <= before);
    onnx_file_close(model);
}

/* Nothing says before the run how many it will be. */
static void test_constant_fold__what_turns_out_to_grow_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *indexes = OP(model, "NonZero", test_graph_weights(model, "32x32", 1));
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_INT64, "2x1");
    test_graph_output(model, OP(model, "Add", x, indexes));
    test_graph_expect(model, constant_fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_constant_fold__what_is_random_or_quantised_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *noise = OP(model, "RandomNormalLike", test_graph_weights(model, "2x2", 1));
    void *bytes = NULL;
    struct graph_tensor *bias =
        graph_tensor_new(model, ELEMENT_INT32, (const int64_t[]){2}, 1, &bytes);
    ((int32_t *)bytes)[1] = 7;
    struct graph_value *quantised =
        OP(model, "DequantizeLinear", graph_add_tensor(&model->main, SLICE("bias"), bias),
           FLOATS(model, "", 0.5F));
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x2");
    test_graph_output(model, OP(model, "Add", x, quantised));
    test_graph_output(model, OP(model, "Add", x, noise));
    uint32_t changes = 0;
    assert_int_equal(constant_fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

/* One node that cannot be run does not keep the others from it. */
/* Sound as this one is: ONNX Runtime does not look at everything that can be wrong with one. */
static void test_constant_fold__recurrent_layers_are_not_run(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *run =
        OP(model, "LSTM", test_graph_weights(model, "2x1x3", 1),
           test_graph_weights(model, "1x8x3", 2), test_graph_weights(model, "1x8x2", 3));
    assert_int_equal(graph_set_integer(run->producer, "hidden_size", 2), STATUS_OK);
    run = OP(model, "Squeeze", run);
    test_graph_output(model, run);
    uint32_t changes = 7;
    assert_int_equal(constant_fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

static void test_constant_fold__what_fails_is_left_alone(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x2");
    struct graph_value *wrong = OP(model, "Reshape", FLOATS(model, "2", 1, 2), WHOLES(model, 3, 5));
    struct graph_value *right = OP(model, "Neg", FLOATS(model, "2", 1, 2));
    test_graph_output(model, OP(model, "Add", x, wrong));
    test_graph_output(model, OP(model, "Add", x, right));
    uint32_t changes = 0;
    assert_int_equal(constant_fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 1);
    assert_int_equal(test_graph_count(model, "Reshape"), 1);
    assert_int_equal(test_graph_count(model, "Neg"), 0);
    onnx_file_close(model);
}

static void test_constant_fold__what_the_model_gives_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    test_graph_output(model, OP(model, "Neg", FLOATS(model, "2", 1, 2)));
    test_graph_expect(model, constant_fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_constant_fold__what_a_caller_may_replace_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *weights = FLOATS(model, "2", 1, 2);
    weights->is_input = true;
    weights->type = test_graph_type(model, ELEMENT_FLOAT32, "2");
    assert_true(graph_values_add(model, &model->main.inputs, weights));
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    test_graph_output(model, OP(model, "Add", x, OP(model, "Neg", weights)));
    test_graph_expect(model, constant_fold_graph, 0, 0);
    onnx_file_close(model);
}

static void test_constant_fold__within_bodies(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    struct graph_value *outer = FLOATS(model, "2", 1, 2);
    struct graph_value *either =
        OP(model, "If", test_graph_input(model, "go", ELEMENT_BOOLEAN, ""));
    for (int i = 0; i < 2; i++) {
        struct graph *body =
            test_graph_body(either->producer, i == 0 ? "then_branch" : "else_branch");
        struct graph_value *five = graph_add_floats(body, SLICE("f"), &(const float){5}, 1, true);
        struct graph_value *made = test_graph_within(body, "Add", outer, five, false);
        made = test_graph_within(body, "Neg", made, NULL, false);
        (void)test_graph_within(body, i == 0 ? "Mul" : "Sub", x, made, true);
    }
    test_graph_output(model, either);
    test_graph_expect(model, constant_fold_graph, 4, 0);
    assert_int_equal(test_graph_count(model, "Neg"), 0);
    onnx_file_close(model);
}

/* More than one run takes. */
static void test_constant_fold__many_nodes(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *value = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    for (size_t i = 0; i < CONSTANT_FOLD_NODES_MAX + 5; i++) {
        value = OP(model, "Add", value, OP(model, "Neg", test_graph_weights(model, "2", i)));
    }
    test_graph_output(model, value);
    test_graph_expect(model, constant_fold_graph, CONSTANT_FOLD_NODES_MAX + 5, 0);
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_fold__chains_become_one_constant),
        cmocka_unit_test(test_constant_fold__shapes_of_constants),
        cmocka_unit_test(test_constant_fold__all_outputs_of_a_node),
        cmocka_unit_test(test_constant_fold__what_would_grow_stays),
        cmocka_unit_test(test_constant_fold__what_turns_out_to_grow_stays),
        cmocka_unit_test(test_constant_fold__what_is_random_or_quantised_stays),
        cmocka_unit_test(test_constant_fold__recurrent_layers_are_not_run),
        cmocka_unit_test(test_constant_fold__what_fails_is_left_alone),
        cmocka_unit_test(test_constant_fold__what_the_model_gives_stays),
        cmocka_unit_test(test_constant_fold__what_a_caller_may_replace_stays),
        cmocka_unit_test(test_constant_fold__within_bodies),
        cmocka_unit_test(test_constant_fold__many_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
