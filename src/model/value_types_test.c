// SPDX-License-Identifier: Apache-2.0
#include "model/value_types.h"

#include "model/test_graph.h"

#define SET(call) assert_int_equal(call, STATUS_OK)

static void find(struct graph_model *model) {
    struct error err = {0};
    if (value_types_find(model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

/* The rank; -1: it is not known. */
static int rank_of(const struct graph_value *value) {
    uint32_t rank;
    return value_rank(value, &rank) ? (int)rank : -1;
}

static struct graph_value *integers(struct graph_model *model, const int64_t *numbers,
                                    uint32_t count) {
    return graph_add_integers(&model->main, SLICE("i"), numbers, count, false);
}

static struct graph_value *with(struct graph_value *value, const char *name, int64_t number) {
    SET(graph_set_integer(value->producer, name, number));
    return value;
}

static void test_value_types__ranks_follow_the_operators(void **state) {
    (void)state;
    const int64_t axes[] = {0, 2};
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3x?x1");
    struct graph_value *unsqueezed = OP(model, "Unsqueeze", input, integers(model, axes, 2));
    struct graph_value *reduced =
        with(OP(model, "ReduceSum", input, integers(model, axes, 2)), "keepdims", 0);
    struct graph_value *all = with(OP(model, "ReduceSum", input), "keepdims", 0);
    struct graph_value *kept = OP(model, "ReduceMax", input);
    struct graph_value *flat = OP(model, "Flatten", input);
    struct graph_value *sum = OP(model, "Add", flat, input);
    struct graph_value *product = OP(model, "MatMul", input, test_graph_weights(model, "1x5", 1));
    struct graph_value *squeezed = OP(model, "Squeeze", input);
    struct graph_value *best = with(OP(model, "ArgMax", input), "keepdims", 0);
    struct graph_value *gathered = OP(model, "Gather", input, integers(model, axes, 2));
    find(model);
    assert_int_equal(rank_of(input), 4);
    assert_int_equal(rank_of(unsqueezed), 6);
    assert_int_equal(rank_of(reduced), 2);
    assert_int_equal(rank_of(all), 0);
    assert_int_equal(rank_of(kept), 4);
    assert_int_equal(rank_of(flat), 2);
    assert_int_equal(rank_of(sum), 4);
    assert_int_equal(rank_of(product), 4);
    assert_int_equal(rank_of(squeezed), -1); /* by the sizes, which are not looked at */
    assert_int_equal(rank_of(best), 3);
    assert_int_equal(rank_of(gathered), 4);
    onnx_file_close(model);
}

static void test_value_types__a_shape_is_followed_to_where_it_is_used(void **state) {
    (void)state;
    const int64_t zero = 0;
    const int64_t rest[] = {-1, 4};
    struct graph_model *model = test_graph_new(11);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "?x3x8");
    struct graph_value *shape = OP(model, "Shape", input);
    struct graph_value *first =
        OP(model, "Gather", shape, graph_add_integers(&model->main, SLICE("i"), &zero, 1, true));
    struct graph_value *vector = OP(model, "Unsqueeze", first);
    SET(graph_set_integers(vector->producer, "axes", &zero, 1));
    struct graph_value *whole = OP(model, "Concat", vector, integers(model, rest, 2));
    struct graph_value *again = OP(model, "Cast", whole);
    (void)with(again, "to", ELEMENT_INT64);
    struct graph_value *reshaped = OP(model, "Reshape", input, again);
    struct graph_value *filled = OP(model, "ConstantOfShape", shape);
    find(model);
    assert_int_equal(rank_of(first), 0);
    assert_int_equal(rank_of(whole), 1);
    assert_int_equal(rank_of(reshaped), 3);
    assert_int_equal(rank_of(filled), 3);
    assert_int_equal(value_element(filled), ELEMENT_FLOAT32);
    assert_int_equal(value_element(again), ELEMENT_INT64);
    onnx_file_close(model);
}

static void test_value_types__element_types_follow_the_operators(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT16, "2x3");
    struct graph_node *top = graph_add_node(&model->main, NULL, "TopK", &input, 1, 2, SLICE("t"));
    struct graph_value *relu = OP(model, "Relu", input);
    struct graph_value *equal = OP(model, "Equal", input, relu);
    struct graph_value *chosen = OP(model, "Where", equal, input, relu);
    struct graph_value *size = OP(model, "Size", input);
    struct graph_value *eye = OP(model, "EyeLike", size);
    struct graph_value *other = with(OP(model, "EyeLike", size), "dtype", ELEMENT_FLOAT32);
    struct graph_value *alien = OP(model, "Alien", input);
    alien->producer->domain = SLICE("elsewhere");
    struct graph_value *behind = OP(model, "Relu", alien);
    find(model);
    assert_int_equal(value_element(top->outputs[0]), ELEMENT_FLOAT16);
    assert_int_equal(value_element(top->outputs[1]), ELEMENT_INT64);
    assert_int_equal(value_element(relu), ELEMENT_FLOAT16);
    assert_int_equal(value_element(equal), ELEMENT_BOOLEAN);
    assert_int_equal(value_element(chosen), ELEMENT_FLOAT16);
    assert_int_equal(value_element(size), ELEMENT_INT64);
    assert_int_equal(value_element(eye), ELEMENT_INT64);
    assert_int_equal(value_element(other), ELEMENT_FLOAT32);
    assert_int_equal(value_element(alien), ELEMENT_UNDEFINED);
    assert_int_equal(value_element(behind), ELEMENT_UNDEFINED);
    assert_int_equal(value_element(NULL), ELEMENT_UNDEFINED);
    onnx_file_close(model);
}

static void test_value_types__a_wrong_shape_between_nodes_is_not_believed(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3");
    struct graph_value *relu = OP(model, "Relu", input);
    struct graph_value *alien = OP(model, "Alien", relu);
    alien->producer->domain = SLICE("elsewhere");
    relu->type = test_graph_type(model, ELEMENT_FLOAT32, "6");
    alien->type = test_graph_type(model, ELEMENT_INT32, "6");
    find(model);
    assert_int_equal(rank_of(relu), 2);
    assert_int_equal(rank_of(alien), -1);
    assert_int_equal(value_element(alien), ELEMENT_INT32); /* in that no file may be wrong */
    onnx_file_close(model);
}

static void test_value_types__what_onnx_runtime_said_stays(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3");
    struct graph_value *squeezed = OP(model, "Squeeze", input);
    struct graph_type type = *test_graph_type(model, ELEMENT_FLOAT32, "2x3");
    type.is_sure = true;
    squeezed->type = &type;
    struct graph_value *behind = OP(model, "Neg", squeezed);
    find(model);
    assert_ptr_equal(squeezed->type, &type);
    assert_int_equal(rank_of(behind), 2);
    onnx_file_close(model);
}

static void test_value_types__bodies_are_looked_into(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3");
    struct graph_value *decides = test_graph_input(model, "c", ELEMENT_BOOLEAN, "");
    struct graph_value *choice = OP(model, "If", decides);
    struct graph *taken = test_graph_body(choice->producer, "then_branch");
    struct graph *other = test_graph_body(choice->producer, "else_branch");
    (void)test_graph_within(taken, "Shape", input, NULL, true);
    struct graph_value *size = test_graph_within(other, "Size", input, NULL, true);
    struct graph_value *loop = OP(model, "Loop", NULL, NULL, input);
    struct graph *body = test_graph_body(loop->producer, "body");
    struct graph_value *carried = NULL;
    for (int i = 0; i < 3; i++) {
        carried = arena_get(&model->arena, 1, sizeof(*carried));
        *carried = (struct graph_value){
            .name = graph_new_name(model, SLICE("b")), .graph = body, .is_input = true};
        assert_true(graph_values_add(model, &body->inputs, carried));
    }
    carried->type = test_graph_type(model, ELEMENT_FLOAT32, "2x3"); /* of the first turn */
    (void)test_graph_within(body, "Identity", body->inputs.items[1], NULL, true);
    (void)test_graph_within(body, "Concat", carried, carried, true);
    find(model);
    assert_int_equal(value_element(choice), ELEMENT_INT64);
    assert_int_equal(rank_of(size), 0);
    assert_int_equal(rank_of(choice), -1); /* one or none, by the way that is taken */
    assert_int_equal(value_element(body->inputs.items[0]), ELEMENT_INT64);
    assert_int_equal(value_element(body->outputs[0].value), ELEMENT_BOOLEAN);
    assert_int_equal(value_element(loop), ELEMENT_FLOAT32);
    assert_int_equal(rank_of(carried), -1);
    onnx_file_close(model);
}

static void test_value_integers__are_the_constant_ones(void **state) {
    (void)state;
    const int64_t numbers[] = {3, -4};
    const int64_t dim = 2;
    int64_t read[4];
    uint32_t count = 0;
    void *bytes = NULL;
    struct graph_model *model = test_graph_new(13);
    assert_true(value_integers(integers(model, numbers, 2), read, 4, &count));
    assert_int_equal(count, 2);
    assert_int_equal(read[1], -4);
    assert_false(value_integers(integers(model, numbers, 2), read, 1, &count));
    struct graph_tensor *narrow = graph_tensor_new(model, ELEMENT_INT32, &dim, 1, &bytes);
    (void)memcpy(bytes, (const int32_t[]){7, -8}, 8);
    assert_true(
        value_integers(graph_add_tensor(&model->main, SLICE("n"), narrow), read, 4, &count));
    assert_int_equal(read[0], 7);
    assert_int_equal(read[1], -8);
    assert_false(value_integers(FLOATS(model, "1", 1), read, 4, &count));
    assert_false(value_integers(NULL, read, 4, &count));
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_types__ranks_follow_the_operators),
        cmocka_unit_test(test_value_types__a_shape_is_followed_to_where_it_is_used),
        cmocka_unit_test(test_value_types__element_types_follow_the_operators),
        cmocka_unit_test(test_value_types__a_wrong_shape_between_nodes_is_not_believed),
        cmocka_unit_test(test_value_types__what_onnx_runtime_said_stays),
        cmocka_unit_test(test_value_types__bodies_are_looked_into),
        cmocka_unit_test(test_value_integers__are_the_constant_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
