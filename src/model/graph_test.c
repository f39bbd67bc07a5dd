// SPDX-License-Identifier: Apache-2.0
#include "model/graph.h"

#include "model/onnx_file.h"
#include "platform/file.h"
#include "platform/test_model.h"

static const float ONES[4] = {1, 1, 1, 1};

static struct graph_model *take(struct test_model *test) {
    char path[] = "/tmp/ebb-graph-XXXXXX";
    struct graph_model *model = NULL;
    struct error err = {0};
    assert_int_equal(close(mkstemp(path)), 0);
    test_model_write(test, path, ONNX_OPSET);
    if (onnx_file_open(path, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(unlink(path), 0);
    return model;
}

/* x -> Relu -> a -> Add w -> b -> Relu -> y */
static struct graph_model *chain(void) {
    struct test_model test;
    test_model_begin(&test);
    test_model_input(&test, "x", ONNX_FLOAT, "1x4");
    test_model_output(&test, "y", ONNX_FLOAT, "1x4");
    test_model_constant(&test, "w", ONNX_FLOAT, "1x4",
                        (struct slice){(const char *)ONES, sizeof(ONES)});
    test_model_node(&test, "Relu", "x", "a");
    test_model_node(&test, "Add", "a w", "b");
    test_model_node(&test, "Relu", "b", "y");
    return take(&test);
}

static struct graph_node *node_of(const struct graph_model *model, const char *output) {
    struct graph_node *node = NULL;
    while ((node = graph_walk(model, node)) != NULL) {
        if (node->output_count > 0 && node->outputs[0] != NULL &&
            slice_is(node->outputs[0]->name, output)) {
            return node;
        }
    }
    fail_msg("no node makes '%s'", output);
    return NULL;
}

static uint32_t node_count(const struct graph_model *model) {
    uint32_t count = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        count++;
    }
    return count;
}

static void expect_whole(struct graph_model *model) {
    struct error err = {0};
    if (graph_verify(model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    struct buffer bytes;
    struct graph_model *again = NULL;
    buffer_init(&bytes, 1 << 20);
    assert_int_equal(onnx_file_pack(model, &bytes, NULL), STATUS_OK);
    if (onnx_file_read(buffer_slice(&bytes), NULL, &again, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(node_count(again), node_count(model));
    onnx_file_close(again);
    buffer_done(&bytes);
    onnx_file_close(model);
}

static void test_graph__knows_who_uses_a_value(void **state) {
    (void)state;
    struct graph_model *model = chain();
    struct graph_node *add = node_of(model, "b");
    assert_ptr_equal(graph_only_user(graph_input(add, 0)), add);
    assert_ptr_equal(graph_only_user(add->outputs[0]), node_of(model, "y"));
    const struct graph_value *y = node_of(model, "y")->outputs[0];
    assert_true(graph_is_output(y));
    assert_null(graph_only_user(y));
    assert_non_null(graph_constant(graph_input(add, 1)));
    assert_null(graph_constant(graph_input(add, 0)));
    assert_null(graph_input(add, 2));
    /* A second user: no longer the only one. */
    assert_int_equal(graph_set_input(add, 1, graph_input(add, 0)), STATUS_OK);
    assert_null(graph_only_user(graph_input(add, 0)));
    assert_int_equal(graph_use_count(graph_input(add, 0)), 2);
    expect_whole(model);
}

static void test_graph__an_initializer_that_callers_may_replace_is_no_constant(void **state) {
    (void)state;
    struct test_model test;
    test_model_begin(&test);
    test_model_input(&test, "x", ONNX_FLOAT, "1x4");
    test_model_input(&test, "w", ONNX_FLOAT, "1x4");
    test_model_output(&test, "y", ONNX_FLOAT, "1x4");
    test_model_constant(&test, "w", ONNX_FLOAT, "1x4",
                        (struct slice){(const char *)ONES, sizeof(ONES)});
    test_model_node(&test, "Add", "x w", "y");
    struct graph_model *model = take(&test);
    struct graph_node *add = model->main.first;
    const struct graph_value *w = graph_input(add, 1);
    assert_true(w->is_input && w->tensor != NULL);
    assert_null(graph_constant(w));
    assert_ptr_equal(graph_model_input(model, SLICE("w")), w);
    model->ir_version = 3;
    assert_non_null(graph_constant(w));
    assert_null(graph_model_input(model, SLICE("w")));
    /* Once nobody uses it, it stays as long as a caller may give it, and no longer. */
    assert_int_equal(graph_set_input(add, 1, graph_input(add, 0)), STATUS_OK);
    model->ir_version = 4;
    (void)graph_remove_dead(model);
    assert_int_equal(model->main.inputs.count, 2);
    model->ir_version = 3;
    (void)graph_remove_dead(model);
    assert_int_equal(model->main.inputs.count, 1);
    assert_int_equal(model->main.initializers.count, 0);
    expect_whole(model);
}

static void test_graph_replace__keeps_the_names_of_outputs(void **state) {
    (void)state;
    struct graph_model *model = chain();
    /* b takes y's place: the last Relu goes. */
    struct graph_node *last = node_of(model, "y");
    struct graph_value *b = graph_input(last, 0);
    assert_int_equal(graph_replace(last->outputs[0], b), STATUS_OK);
    assert_int_equal(graph_remove_dead(model), 1);
    assert_true(slice_is(model->main.outputs[0].value->name, "y"));
    assert_true(graph_node_is(model->main.outputs[0].value->producer, "Add"));
    assert_int_equal(node_count(model), 2);
    expect_whole(model);

    /* An input cannot bear the output's name: an Identity does. */
    model = chain();
    last = node_of(model, "y");
    assert_int_equal(graph_replace(last->outputs[0], model->main.inputs.items[0]), STATUS_OK);
    assert_int_equal(graph_remove_dead(model), 3);
    assert_true(graph_node_is(model->main.first, "Identity"));
    assert_true(slice_is(model->main.outputs[0].value->name, "y"));
    assert_int_equal(model->main.initializers.count, 0);
    expect_whole(model);
}

static void test_graph_replace__leaves_two_outputs_two_names(void **state) {
    (void)state;
    struct test_model test;
    test_model_begin(&test);
    test_model_input(&test, "x", ONNX_FLOAT, "1x4");
    test_model_output(&test, "y", ONNX_FLOAT, "1x4");
    test_model_output(&test, "z", ONNX_FLOAT, "1x4");
    test_model_node(&test, "Relu", "x", "y");
    test_model_node(&test, "Relu", "x", "z");
    struct graph_model *model = take(&test);
    assert_int_equal(
        graph_replace(node_of(model, "z")->outputs[0], node_of(model, "y")->outputs[0]), STATUS_OK);
    assert_int_equal(graph_remove_dead(model), 1);
    assert_true(slice_is(model->main.outputs[0].value->name, "y"));
    assert_true(slice_is(model->main.outputs[1].value->name, "z"));
    assert_int_equal(node_count(model), 2);
    expect_whole(model);
}

static void test_graph__bodies_reach_out_and_let_go(void **state) {
    (void)state;
    struct test_model test;
    test_model_begin(&test);
    test_model_input(&test, "x", ONNX_FLOAT, "?");
    test_model_output(&test, "y", ONNX_FLOAT, "?");
    test_model_node(&test, "Relu", "x", "a");
    test_model_endless(&test, "a", "z");
    test_model_node(&test, "Relu", "x", "y");
    struct graph_model *model = take(&test);
    assert_int_equal(node_count(model), 5);
    struct graph_node *inner = node_of(model, "after");
    assert_ptr_equal(inner->graph->owner, node_of(model, "z"));
    /* The body takes a value of the graph around it. */
    struct graph_value *a = node_of(model, "a")->outputs[0];
    assert_int_equal(graph_set_input(inner, 1, a), STATUS_OK);
    assert_int_equal(graph_use_count(a), 2);
    assert_int_equal(graph_verify(model, NULL), STATUS_OK);
    /* Nobody needs the loop: it goes with its body, then what the body took. */
    assert_int_equal(graph_remove_dead(model), 4);
    assert_true(slice_is(model->main.first->outputs[0]->name, "y"));
    expect_whole(model);
}

static void test_graph__adds_nodes_tensors_and_attributes(void **state) {
    (void)state;
    struct graph_model *model = chain();
    struct graph_node *add = node_of(model, "b");
    const int64_t axes[2] = {0, 1};
    struct graph_value *two = graph_add_floats(&model->main, SLICE("two"), (float[]){2}, 1, true);
    struct graph_value *number = graph_add_integers(&model->main, SLICE("axes"), axes, 2, false);
    struct graph_value *inputs[2] = {graph_input(add, 0), two};
    struct graph_node *mul =
        graph_add_node(&model->main, add, "Mul", inputs, 2, 1, graph_input(add, 0)->name);
    assert_non_null(two);
    assert_non_null(number);
    assert_non_null(mul);
    assert_int_equal(graph_set_input(add, 0, mul->outputs[0]), STATUS_OK);
    assert_int_equal(graph_set_integers(mul, "axes", axes, 2), STATUS_OK);
    assert_int_equal(graph_set_number(mul, "alpha", 0.5F), STATUS_OK);
    assert_int_equal(graph_set_integer(mul, "alpha", 3), STATUS_OK);
    assert_int_equal(graph_set_text(mul, "mode", SLICE("linear")), STATUS_OK);
    assert_int_equal(mul->attribute_count, 3);
    assert_int_equal(graph_integer(mul, "alpha", 0), 3);
    assert_true(slice_is(graph_text(mul, "mode"), "linear"));
    graph_drop_attribute(mul, "axes");
    assert_null(graph_attribute(mul, "axes"));
    assert_true(graph_number(mul, "alpha", 9) == 9);
    float scalar = 0;
    assert_true(graph_scalar(graph_constant(two), &scalar) && scalar == 2);
    assert_false(graph_scalar(graph_constant(graph_input(add, 1)), &scalar));
    assert_int_equal(graph_tensor_count(graph_constant(number)), 2);
    /* Inputs that are left out between those that are there. */
    assert_int_equal(graph_set_input(mul, 3, number), STATUS_OK);
    assert_int_equal(mul->input_count, 4);
    assert_null(graph_input(mul, 2));
    graph_cut_inputs(mul, 2);
    assert_null(number->uses);
    (void)graph_remove_dead(model);
    expect_whole(model);
}

static void test_graph_new_name__is_of_no_value_of_the_file(void **state) {
    (void)state;
    struct test_model test;
    test_model_begin(&test);
    test_model_input(&test, "x~7", ONNX_FLOAT, "?");
    test_model_output(&test, "y", ONNX_FLOAT, "?");
    test_model_node(&test, "Relu", "x~7", "y");
    struct graph_model *model = take(&test);
    assert_true(slice_is(graph_new_name(model, SLICE("x~7")), "x~8"));
    assert_true(slice_is(graph_new_name(model, SLICE("x")), "x~9"));
    onnx_file_close(model);
}

static void test_graph_verify__finds_what_a_pass_got_wrong(void **state) {
    (void)state;
    struct graph_model *model = chain();
    struct error err = {0};
    struct graph_node *add = node_of(model, "b");
    assert_int_equal(graph_set_input(add, 0, node_of(model, "y")->outputs[0]), STATUS_OK);
    assert_int_equal(graph_verify(model, &err), STATUS_INVALID);
    assert_string_equal(err.text, "node 'b' stands before what it needs");
    onnx_file_close(model);
    model = chain();
    graph_remove_node(node_of(model, "a"));
    assert_int_equal(graph_verify(model, &err), STATUS_INVALID);
    assert_string_equal(err.text, "node 'b' needs 'a', which nothing makes");
    onnx_file_close(model);
}

static void test_graph_bind_input__makes_a_constant(void **state) {
    (void)state;
    struct graph_model *model = chain();
    struct graph_value *x = graph_model_input(model, SLICE("x"));
    assert_int_equal(graph_bind_input(x, graph_constant(graph_input(node_of(model, "b"), 1))),
                     STATUS_OK);
    assert_int_equal(model->main.inputs.count, 0);
    assert_non_null(graph_constant(x));
    expect_whole(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph__knows_who_uses_a_value),
        cmocka_unit_test(test_graph__an_initializer_that_callers_may_replace_is_no_constant),
        cmocka_unit_test(test_graph_replace__keeps_the_names_of_outputs),
        cmocka_unit_test(test_graph_replace__leaves_two_outputs_two_names),
        cmocka_unit_test(test_graph__bodies_reach_out_and_let_go),
        cmocka_unit_test(test_graph__adds_nodes_tensors_and_attributes),
        cmocka_unit_test(test_graph_new_name__is_of_no_value_of_the_file),
        cmocka_unit_test(test_graph_verify__finds_what_a_pass_got_wrong),
        cmocka_unit_test(test_graph_bind_input__makes_a_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
