// SPDX-License-Identifier: Apache-2.0
#include "model/bind.h"

#include "model/test_graph.h"

static struct graph_model *begun(void) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(13);
}

static void expect_failure(status code, struct error *err, status expected, const char *words) {
    assert_int_equal(code, expected);
    if (strstr(err->text, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, err->text);
    }
    *err = (struct error){0};
}

/* --- inputs --- */

static void test_bind__an_input_becomes_numbers(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct error err = {0};
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x2");
    struct graph_value *row = test_graph_input(model, "row", ELEMENT_FLOAT32, "N");
    struct graph_value *rate = test_graph_input(model, "sr", ELEMENT_INT64, "");
    struct graph_value *value = OP(model, "Add", x, row);
    struct graph_value *cast = OP(model, "Cast", rate);
    assert_int_equal(graph_set_integer(cast->producer, "to", ELEMENT_FLOAT32), STATUS_OK);
    test_graph_output(model, OP(model, "Mul", value, cast));
    assert_int_equal(bind_input(model, SLICE("sr"), SLICE("16000"), &err), STATUS_OK);
    assert_int_equal(bind_input(model, SLICE("row"), SLICE("0.5, -2"), &err), STATUS_OK);
    assert_int_equal(model->main.inputs.count, 1);
    assert_true(test_numbers(row, 2)[0] == 0.5F && test_numbers(row, 2)[1] == -2);
    struct test_answer answer = test_graph_run(model, 4);
    assert_true(answer.numbers[0] == (double)((4 * test_number(0) + 0.5F) * 16000.0F));
    memory_free(answer.numbers);
    expect_failure(bind_input(model, SLICE("sr"), SLICE("8000"), &err), &err, STATUS_NOT_FOUND,
                   "no input 'sr'");
    onnx_file_close(model);
}

static void test_bind__numbers_that_do_not_fit_are_said(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct error err = {0};
    (void)test_graph_input(model, "x", ELEMENT_FLOAT32, "2x2");
    (void)test_graph_input(model, "open", ELEMENT_FLOAT32, "?x?");
    (void)test_graph_input(model, "flag", ELEMENT_BOOLEAN, "");
    (void)test_graph_input(model, "byte", ELEMENT_UINT8, "1");
    (void)test_graph_input(model, "half", ELEMENT_FLOAT16, "1");
    expect_failure(bind_input(model, SLICE("x"), SLICE("1,2,3"), &err), &err, STATUS_INVALID,
                   "does not take 3 numbers");
    expect_failure(bind_input(model, SLICE("open"), SLICE("1,2,3"), &err), &err, STATUS_INVALID,
                   "more than one open size");
    expect_failure(bind_input(model, SLICE("flag"), SLICE("maybe"), &err), &err, STATUS_INVALID,
                   "takes bool, and 'maybe' is none");
    expect_failure(bind_input(model, SLICE("byte"), SLICE("256"), &err), &err, STATUS_INVALID,
                   "takes uint8");
    expect_failure(bind_input(model, SLICE("half"), SLICE("1"), &err), &err, STATUS_INVALID,
                   "takes float16");
    expect_failure(bind_input(model, SLICE("opem"), SLICE("1"), &err), &err, STATUS_NOT_FOUND,
                   "did you mean 'open'?");
    assert_int_equal(bind_input(model, SLICE("flag"), SLICE("true"), &err), STATUS_OK);
    assert_int_equal(bind_input(model, SLICE("byte"), SLICE("255"), &err), STATUS_OK);
    onnx_file_close(model);
}

/* --- sizes --- */

static void test_bind__a_size_is_declared_where_it_is_named(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct error err = {0};
    struct graph_value *a = test_graph_input(model, "a.b", ELEMENT_FLOAT32, "Nx?xM");
    struct graph_value *b = test_graph_input(model, "b", ELEMENT_FLOAT32, "NxM");
    test_graph_output(model, OP(model, "Add", a, b));
    ((const struct graph_type **)(uintptr_t)model->main.output_types)[0] =
        test_graph_type(model, ELEMENT_FLOAT32, "Nx?xM");
    assert_int_equal(bind_dim(model, SLICE("N"), 5, &err), STATUS_OK);
    assert_int_equal(bind_dim(model, SLICE("a.b.1"), 5, &err), STATUS_OK);
    assert_int_equal(a->type->dims[0].size, 5);
    assert_int_equal(a->type->dims[1].size, 5);
    assert_int_equal(a->type->dims[2].size, -1);
    assert_int_equal(b->type->dims[0].size, 5);
    assert_int_equal(model->main.output_types[0]->dims[0].size, 5);
    assert_int_equal(model->main.output_types[0]->dims[1].size, -1);
    assert_int_equal(bind_dim(model, SLICE("b.1"), 7, &err), STATUS_OK);
    assert_int_equal(a->type->dims[2].size, 7); /* it has the same name */
    struct inference_model *opened = test_graph_open(model, INFERENCE_LEVEL_NONE);
    assert_int_equal(inference_input(opened, 0)->shape[1], 5);
    assert_int_equal(inference_output(opened, 0)->shape[2], 7);
    inference_close(opened);
    onnx_file_close(model);
}

static void test_bind__sizes_that_are_none_are_said(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct error err = {0};
    (void)test_graph_input(model, "a", ELEMENT_FLOAT32, "Nx3");
    expect_failure(bind_dim(model, SLICE("M"), 5, &err), &err, STATUS_NOT_FOUND, "INPUT.AXIS");
    expect_failure(bind_dim(model, SLICE("a.2"), 5, &err), &err, STATUS_NOT_FOUND, "'a.2'");
    expect_failure(bind_dim(model, SLICE("a.1"), 5, &err), &err, STATUS_INVALID, "is 3 already");
    expect_failure(bind_dim(model, SLICE("N"), 0, &err), &err, STATUS_INVALID, "from 1");
    expect_failure(bind_dim(model, SLICE(""), 1, &err), &err, STATUS_INVALID, "which size");
    assert_int_equal(bind_dim(model, SLICE("a.1"), 3, &err), STATUS_OK);
    onnx_file_close(model);
}

/* --- branches --- */

static struct graph_value *truth(struct graph_model *model, struct graph *graph, bool is_true) {
    void *bytes = NULL;
    struct graph_tensor *tensor = graph_tensor_new(model, ELEMENT_BOOLEAN, NULL, 0, &bytes);
    *(uint8_t *)bytes = is_true ? 1 : 0;
    return graph_add_tensor(graph, SLICE("go"), tensor);
}

static struct graph_value *number(struct graph *graph, float number) {
    return graph_add_floats(graph, SLICE("inner"), &number, 1, true);
}

/* x * 3 or x + 5, each with a number of its own, in an If that itself is a branch. */
static struct graph_value *nested(struct graph_model *model, struct graph_value *x,
                                  struct graph_value *outer, bool inner) {
    struct graph_value *either = OP(model, "If", outer);
    struct graph *body = test_graph_body(either->producer, "else_branch");
    (void)test_graph_within(body, "Neg", x, NULL, true);
    body = test_graph_body(either->producer, "then_branch");
    struct graph_value *inside =
        test_graph_within(body, "If", truth(model, body, inner), NULL, true);
    struct graph *deep = test_graph_body(inside->producer, "then_branch");
    (void)test_graph_within(deep, "Mul", x, number(deep, 3), true);
    deep = test_graph_body(inside->producer, "else_branch");
    (void)test_graph_within(deep, "Add", x, number(deep, 5), true);
    return either;
}

static void test_bind__branches_within_branches_are_taken(void **state) {
    (void)state;
    for (int inner = 0; inner < 2; inner++) {
        struct graph_model *model = begun();
        struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
        struct graph_value *go = truth(model, &model->main, true);
        struct graph_value *value = nested(model, x, go, inner == 0);
        struct graph_value *twice = nested(model, value, go, inner == 1);
        test_graph_output(model, twice);
        const struct slice name = twice->name;
        test_graph_expect(model, bind_branches, 4, 0);
        assert_int_equal(test_graph_count(model, "If"), 0);
        assert_int_equal(test_graph_count(model, "Mul") + test_graph_count(model, "Add"), 2);
        assert_int_equal(model->main.initializers.count, 2);
        assert_true(slice_equal(model->main.outputs[0].value->name, name));
        onnx_file_close(model);
    }
}

/* Values of different bodies may have the same name. */
static void test_bind__names_of_branches_are_made_new(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    struct graph_value *go = truth(model, &model->main, true);
    for (int i = 0; i < 2; i++) {
        struct graph_value *either = OP(model, "If", go);
        struct graph *body = test_graph_body(either->producer, "else_branch");
        (void)test_graph_within(body, "Neg", x, NULL, true);
        body = test_graph_body(either->producer, "then_branch");
        struct graph_value *three = number(body, 3);
        struct graph_value *value = test_graph_within(body, "Mul", x, three, true);
        three->name = SLICE("three");
        value->name = SLICE("value");
        test_graph_output(model, OP(model, "Relu", either));
    }
    test_graph_expect(model, bind_branches, 2, 0);
    onnx_file_close(model);
}

/* A branch that only hands on what is around it. */
static void test_bind__a_branch_of_nothing_is_taken(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    struct graph_value *value = OP(model, "Relu", x);
    struct graph_value *either = OP(model, "If", truth(model, &model->main, false));
    struct graph *body = test_graph_body(either->producer, "then_branch");
    (void)test_graph_within(body, "Neg", value, NULL, true);
    body = test_graph_body(either->producer, "else_branch");
    graph_use_value(&body->outputs[body->output_count++], value);
    test_graph_output(model, either);
    uint32_t changes = 0;
    assert_int_equal(bind_branches(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 1);
    assert_int_equal(graph_verify(model, NULL), STATUS_OK);
    assert_true(graph_node_is(model->main.outputs[0].value->producer, "Relu"));
    onnx_file_close(model);
}

/* The walk is over with the last node of a branch, and there are others. */
static void test_bind__branches_behind_a_branch_of_nothing_are_taken(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    struct graph_value *either =
        OP(model, "If", test_graph_input(model, "go", ELEMENT_BOOLEAN, ""));
    for (int i = 0; i < 2; i++) {
        struct graph *body =
            test_graph_body(either->producer, i == 0 ? "then_branch" : "else_branch");
        struct graph_value *made = test_graph_within(body, "Neg", x, NULL, false);
        struct graph_value *inside =
            test_graph_within(body, "If", truth(model, body, true), NULL, true);
        struct graph *deep = test_graph_body(inside->producer, "then_branch");
        graph_use_value(&deep->outputs[deep->output_count++], made);
        deep = test_graph_body(inside->producer, "else_branch");
        (void)test_graph_within(deep, "Add", made, made, true);
    }
    test_graph_output(model, either);
    uint32_t changes = 0;
    assert_int_equal(bind_branches(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 2);
    assert_int_equal(graph_verify(model, NULL), STATUS_OK);
    assert_int_equal(test_graph_count(model, "If"), 1);
    onnx_file_close(model);
}

static void test_bind__what_is_not_known_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    struct graph_value *go = test_graph_input(model, "go", ELEMENT_BOOLEAN, "");
    test_graph_output(model, nested(model, x, go, true));
    test_graph_expect(model, bind_branches, 1, 0); /* the inner one */
    assert_int_equal(test_graph_count(model, "If"), 1);
    onnx_file_close(model);
}

/* No branch takes anything: one that does is none, whatever it is. */
static void test_bind__a_branch_that_takes_something_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    struct graph_value *taken = test_graph_input(model, "y", ELEMENT_FLOAT32, "2");
    model->main.inputs.count--;
    struct graph_value *either = OP(model, "If", truth(model, &model->main, true));
    struct graph *body = test_graph_body(either->producer, "else_branch");
    (void)test_graph_within(body, "Neg", x, NULL, true);
    body = test_graph_body(either->producer, "then_branch");
    taken->graph = body;
    assert_true(graph_values_add(model, &body->inputs, taken));
    (void)test_graph_within(body, "Neg", taken, NULL, true);
    test_graph_output(model, either);
    uint32_t changes = 0;
    assert_int_equal(bind_branches(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

/* A body that runs many times keeps its own. */
static void test_bind__a_loop_stays(void **state) {
    (void)state;
    struct graph_model *model = begun();
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2");
    const int64_t three = 3;
    struct graph_value *inputs[] = {
        graph_add_integers(&model->main, SLICE("trips"), &three, 1, true), NULL, x};
    struct graph_value *value = test_graph_op(model, "Loop", inputs, 3);
    struct graph *body = test_graph_body(value->producer, "body");
    static const char *const NAMES[] = {"trip", "go", "before"};
    static const enum element_type TYPES[] = {ELEMENT_INT64, ELEMENT_BOOLEAN, ELEMENT_FLOAT32};
    struct graph_value *given[3];
    for (int i = 0; i < 3; i++) {
        given[i] = test_graph_input(model, NAMES[i], TYPES[i], i == 2 ? "2" : "");
        model->main.inputs.count--;
        given[i]->graph = body;
        assert_true(graph_values_add(model, &body->inputs, given[i]));
    }
    (void)test_graph_within(body, "Identity", given[1], NULL, true);
    (void)test_graph_within(body, "Add", given[2], given[2], true);
    test_graph_output(model, value);
    test_graph_expect(model, bind_branches, 0, 0);
    assert_int_equal(test_graph_count(model, "Loop"), 1);
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind__an_input_becomes_numbers),
        cmocka_unit_test(test_bind__numbers_that_do_not_fit_are_said),
        cmocka_unit_test(test_bind__a_size_is_declared_where_it_is_named),
        cmocka_unit_test(test_bind__sizes_that_are_none_are_said),
        cmocka_unit_test(test_bind__branches_within_branches_are_taken),
        cmocka_unit_test(test_bind__names_of_branches_are_made_new),
        cmocka_unit_test(test_bind__a_branch_of_nothing_is_taken),
        cmocka_unit_test(test_bind__branches_behind_a_branch_of_nothing_are_taken),
        cmocka_unit_test(test_bind__what_is_not_known_stays),
        cmocka_unit_test(test_bind__a_branch_that_takes_something_stays),
        cmocka_unit_test(test_bind__a_loop_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
