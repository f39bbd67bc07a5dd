// SPDX-License-Identifier: Apache-2.0
#include "model/model_facts.h"

#include "model/test_graph.h"

enum { ARENA_BYTES_MAX = 1 << 20 };

struct fixture {
    struct graph_model *model;
    struct arena arena;
    struct model_facts facts;
    struct model_chance chances[MODEL_CHANCES_MAX];
    uint32_t chance_count;
};

static void begin(struct fixture *fixture, int opset) {
    *fixture = (struct fixture){.model = test_graph_new(opset)};
    arena_init(&fixture->arena, ARENA_BYTES_MAX);
    (void)test_graph_input(fixture->model, "x", ELEMENT_FLOAT32, "1x8");
}

static struct graph_value *x_of(const struct fixture *fixture) {
    return fixture->model->main.inputs.items[0];
}

static void look(struct fixture *fixture) {
    assert_int_equal(model_facts_read(fixture->model, &fixture->arena, &fixture->facts, NULL),
                     STATUS_OK);
    fixture->chance_count = model_facts_chances(fixture->model, &fixture->facts, "m.onnx",
                                                &fixture->arena, fixture->chances);
    assert_true(fixture->chance_count <= MODEL_CHANCES_MAX);
}

static void end(struct fixture *fixture) {
    arena_done(&fixture->arena);
    onnx_file_close(fixture->model);
}

/* The chance whose command begins so. */
static const struct model_chance *chance(const struct fixture *fixture, const char *command) {
    for (uint32_t i = 0; i < fixture->chance_count; i++) {
        const struct slice start = slice_part(fixture->chances[i].command, 0, strlen(command));
        if (slice_is(start, command)) {
            return &fixture->chances[i];
        }
    }
    return NULL;
}

static void test_model_facts__counts_operators_and_layers_the_largest_first(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 13);
    struct graph_value *a = OP(f.model, "MatMul", x_of(&f), test_graph_weights(f.model, "8x4", 1));
    struct graph_value *b =
        OP(f.model, "MatMul", OP(f.model, "Relu", a), test_graph_weights(f.model, "4x16", 2));
    test_graph_output(f.model, OP(f.model, "Relu", OP(f.model, "Relu", b)));
    look(&f);
    assert_int_equal(f.facts.node_count, 5);
    assert_int_equal(f.facts.operator_count, 2);
    assert_true(slice_is(f.facts.operators[0].op, "Relu") && f.facts.operators[0].count == 3);
    assert_true(slice_is(f.facts.operators[1].op, "MatMul") && f.facts.operators[1].count == 2);
    assert_int_equal(f.facts.layer_count, 2);
    assert_int_equal(f.facts.layers[0].weight_count, 64);
    assert_int_equal(f.facts.layers[0].byte_count, 256);
    assert_int_equal(f.facts.layers[1].weight_count, 32);
    assert_int_equal(f.facts.weight_count, 96);
    assert_int_equal(f.facts.float_byte_count, 384);
    assert_int_equal(f.facts.quantizable_byte_count, 384);
    assert_true(slice_is(model_tensor_text(f.facts.layers[0].largest, &f.arena), "float32 4 x 16"));
    end(&f);
}

static void test_model_facts__counts_weights_once_however_many_share_them(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 13);
    struct graph_value *w = test_graph_weights(f.model, "8x8", 1);
    struct graph_value *a = OP(f.model, "MatMul", x_of(&f), w);
    struct graph_value *b = OP(f.model, "MatMul", a, w);
    test_graph_output(f.model, OP(f.model, "MatMul", OP(f.model, "Transpose", w), b));
    look(&f);
    assert_int_equal(f.facts.byte_count, 256);
    assert_int_equal(f.facts.quantizable_byte_count, 256);
    const struct model_chance *quantize = chance(&f, "ebb model quantize m.onnx");
    assert_non_null(quantize);
    assert_true(slice_is(slice_part(quantize->what, 0, 5), "100 %"));
    end(&f);
}

/* Weights in front, of three dimensions, and a factor: kernels of whole numbers have none of it. */
static void test_model_facts__promises_int8_only_where_it_can_be(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 13);
    struct graph_value *a = OP(f.model, "MatMul", test_graph_weights(f.model, "3x1", 1), x_of(&f));
    struct graph_value *b = OP(f.model, "MatMul", a, test_graph_weights(f.model, "1x8x8", 2));
    struct graph_value *c = OP(f.model, "Gemm", a, test_graph_weights(f.model, "8x8", 3));
    assert_int_equal(graph_set_number(c->producer, "alpha", 0.5F), STATUS_OK);
    test_graph_output(f.model, b);
    test_graph_output(f.model, c);
    look(&f);
    assert_int_equal(f.facts.layer_count, 3);
    assert_int_equal(f.facts.quantizable_byte_count, 0);
    assert_null(chance(&f, "ebb model quantize"));
    end(&f);
}

static void test_model_facts__says_what_could_be_won_and_how(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 11);
    (void)test_graph_input(f.model, "sr", ELEMENT_INT64, "1");
    struct graph_value *yes = test_graph_input(f.model, "yes", ELEMENT_BOOLEAN, "1");
    struct graph_value *made = OP(f.model, "If", yes);
    struct graph *body = test_graph_body(made->producer, "then_branch");
    (void)test_graph_within(body, "Relu", x_of(&f), NULL, true);
    body = test_graph_body(made->producer, "else_branch");
    (void)test_graph_within(body, "Neg", x_of(&f), NULL, true);
    test_graph_output(f.model, OP(f.model, "Mul", made, FLOATS(f.model, "1", 2)));
    look(&f);
    assert_int_equal(f.facts.body_count, 2);
    assert_int_equal(f.facts.node_count, 4);
    const struct model_chance *bind = chance(&f, "ebb model bind m.onnx --set sr=NUMBER");
    assert_non_null(bind);
    assert_non_null(chance(&f, "ebb model fold m.onnx"));
    assert_non_null(chance(&f, "ebb model upgrade m.onnx"));
    assert_null(chance(&f, "ebb model quantize"));
    end(&f);
}

static void test_model_facts__writes_types_for_people(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 13);
    static const struct {
        const char *shape, *text;
    } CASES[] = {{"1x3xheightx320", "float32 1 x 3 x height x 320"},
                 {"?x2", "float32 ? x 2"},
                 {"", "float32"}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct graph_type *type = test_graph_type(f.model, ELEMENT_FLOAT32, CASES[i].shape);
        assert_true(slice_is(model_type_text(type, &f.arena), CASES[i].text));
    }
    struct graph_type type = {.is_tensor = true, .element = ELEMENT_INT64};
    assert_true(slice_is(model_type_text(&type, &f.arena), "int64 of any shape"));
    type.is_tensor = false;
    assert_true(slice_is(model_type_text(&type, &f.arena), "no tensor"));
    assert_true(slice_is(model_type_text(NULL, &f.arena), "of any type"));
    end(&f);
}

static void test_model_facts__says_when_the_arena_is_used_up(void **state) {
    (void)state;
    struct fixture f;
    struct error err = {0};
    begin(&f, 13);
    test_graph_output(f.model, OP(f.model, "Relu", x_of(&f)));
    (void)memory_fail_at(0, 1);
    assert_int_equal(model_facts_read(f.model, &f.arena, &f.facts, &err), STATUS_NO_MEMORY);
    const struct slice text = model_type_text(x_of(&f)->type, &f.arena);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(text.count, 0);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_facts__counts_operators_and_layers_the_largest_first),
        cmocka_unit_test(test_model_facts__counts_weights_once_however_many_share_them),
        cmocka_unit_test(test_model_facts__promises_int8_only_where_it_can_be),
        cmocka_unit_test(test_model_facts__says_what_could_be_won_and_how),
        cmocka_unit_test(test_model_facts__writes_types_for_people),
        cmocka_unit_test(test_model_facts__says_when_the_arena_is_used_up),
    };
    return cmocka_run_group_tests_name("model_facts", tests, NULL, NULL);
}
