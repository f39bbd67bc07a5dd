// SPDX-License-Identifier: Apache-2.0
/* Operators between two convolutions that are quantised. */
#include "model/quantize_between.h"

#include "model/test_quantize.h"

/* Nearer than this are eight bits, and no mistake. */
static const double NEAR_DB = 25;

struct scene {
    struct fixture fixture;
    struct graph_value *before; /* what the first convolution gives */
};

static void open_scene(struct scene *scene) {
    begin(&scene->fixture, "1x4x6x6");
    scene->before = conv(&scene->fixture, x_of(&scene->fixture), 1);
    bound(&scene->fixture, x_of(&scene->fixture), -1, 1);
    bound(&scene->fixture, scene->before, -7, 7);
}

static struct graph_model *model_of(const struct scene *scene) {
    return scene->fixture.model;
}

static struct graph_value *number(const struct scene *scene, float number) {
    return graph_add_floats(&model_of(scene)->main, SLICE("number"), &number, 1, true);
}

static struct graph_value *hard_sigmoid(const struct scene *scene, struct graph_value *x,
                                        float slope, float offset) {
    struct graph_value *gate = OP(model_of(scene), "HardSigmoid", x);
    assert_int_equal(graph_set_number(gate->producer, "alpha", slope), STATUS_OK);
    assert_int_equal(graph_set_number(gate->producer, "beta", offset), STATUS_OK);
    return gate;
}

/* `value` goes into a second convolution; quantised, the answers are as near as eight bits are. */
static void close_scene(struct scene *scene, struct graph_value *value, float low, float high) {
    struct graph_value *after = conv(&scene->fixture, value, 5);
    test_graph_output(model_of(scene), after);
    bound(&scene->fixture, value, low, high);
    bound(&scene->fixture, after, -30, 30);
    const double closeness = quantise_and_compare(&scene->fixture);
    if (closeness < NEAR_DB) {
        fail_msg("the answers are %g dB apart", closeness);
    }
    assert_int_equal(scene->fixture.report.layers, 2);
}

static uint32_t count(const struct scene *scene, const char *op) {
    return test_graph_count(model_of(scene), op);
}

static void end(struct scene *scene, uint32_t between) {
    assert_int_equal(scene->fixture.report.between, between);
    onnx_file_close(model_of(scene));
}

static void expect_whole(const struct graph_node *node) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        assert_true(graph_node_is(graph_input(node, i)->producer, "DequantizeLinear"));
    }
    for (const struct graph_use *use = node->outputs[0]->uses; use != NULL; use = use->next) {
        assert_true(use->node != NULL && graph_node_is(use->node, "QuantizeLinear"));
    }
}

static struct graph_node *only(const struct scene *scene, const char *op) {
    assert_int_equal(count(scene, op), 1);
    struct graph_node *node = model_of(scene)->main.first;
    while (!graph_node_is(node, op)) {
        node = node->after;
    }
    return node;
}

static void test_between__a_hard_swish_is_a_sum_and_a_product(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *gate = hard_sigmoid(&scene, scene.before, 1.0F / 6, 0.5F);
    close_scene(&scene, OP(model_of(&scene), "Mul", scene.before, gate), -0.375F, 7);
    assert_int_equal(count(&scene, "HardSigmoid"), 0);
    expect_whole(only(&scene, "Add"));
    expect_whole(only(&scene, "Mul"));
    end(&scene, 2);
}

/* Its line would not end where whole numbers do, or does not rise. */
static void test_between__a_hard_sigmoid_of_other_numbers_stays(void **state) {
    (void)state;
    static const float LINES[][2] = {{-0.2F, 0.5F}, {0.2F, 0}, {0.2F, -0.1F}};
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct scene scene;
        open_scene(&scene);
        struct graph_value *gate = hard_sigmoid(&scene, scene.before, LINES[i][0], LINES[i][1]);
        close_scene(&scene, OP(model_of(&scene), "Mul", scene.before, gate), -7, 7);
        expect_whole(only(&scene, "Mul"));
        assert_int_equal(count(&scene, "HardSigmoid"), 1);
        end(&scene, 1);
    }
    struct scene scene; /* 0 .. 1 is 0 .. 127 of -128 .. 127 */
    open_scene(&scene);
    scene.fixture.options.activations = SCALE_INT8;
    struct graph_value *gate = hard_sigmoid(&scene, scene.before, 1.0F / 6, 0.5F);
    close_scene(&scene, OP(model_of(&scene), "Mul", scene.before, gate), -0.375F, 7);
    assert_int_equal(count(&scene, "HardSigmoid"), 1);
    end(&scene, 1);
}

static void test_between__a_gate_and_a_number_have_a_range(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *gate =
        OP(model_of(&scene), "Sigmoid", OP(model_of(&scene), "GlobalAveragePool", scene.before));
    struct graph_value *more = OP(model_of(&scene), "Add", gate, number(&scene, 1));
    close_scene(&scene, OP(model_of(&scene), "Mul", scene.before, more), -14, 14);
    expect_whole(only(&scene, "Mul"));
    end(&scene, 1);
}

static void test_between__two_layers_are_added_in_whole_numbers(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *other = conv(&scene.fixture, scene.before, 9);
    bound(&scene.fixture, other, -20, 20);
    struct graph_value *sum = OP(model_of(&scene), "Add", scene.before, other);
    struct graph_value *after = conv(&scene.fixture, sum, 5);
    test_graph_output(model_of(&scene), after);
    bound(&scene.fixture, sum, -25, 25);
    bound(&scene.fixture, after, -80, 80);
    assert_true(quantise_and_compare(&scene.fixture) > NEAR_DB);
    expect_whole(only(&scene, "Add"));
    end(&scene, 1);
}

static void test_between__a_gate_that_is_scaled_has_none(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *gate = OP(model_of(&scene), "Sigmoid", scene.before);
    struct graph_value *larger = OP(model_of(&scene), "Mul", gate, number(&scene, 3));
    struct graph_value *product = OP(model_of(&scene), "Mul", scene.before, larger);
    close_scene(&scene, product, -0.9F, 21);
    assert_ptr_equal(graph_input(product->producer, 1), larger);
    end(&scene, 0);
}

/* Nobody says what range the other one has, or the sum is what the model gives. */
static void test_between__a_sum_without_scales_or_for_all_to_see_stays(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *other = OP(model_of(&scene), "Tanh", scene.before);
    close_scene(&scene, OP(model_of(&scene), "Add", scene.before, other), -8, 8);
    assert_true(graph_node_is(graph_input(only(&scene, "Add"), 1)->producer, "Tanh"));
    end(&scene, 0);
    open_scene(&scene);
    struct graph_value *gate = OP(model_of(&scene), "Sigmoid", scene.before);
    struct graph_value *product = OP(model_of(&scene), "Mul", scene.before, gate);
    test_graph_output(model_of(&scene), product);
    close_scene(&scene, product, -0.3F, 7);
    assert_ptr_equal(graph_input(only(&scene, "Mul"), 1), gate);
    end(&scene, 0);
}

/* Something whose one user may be a number's operator: a product with a gate. */
static struct graph_value *gated(const struct scene *scene) {
    return OP(model_of(scene), "Mul", scene->before, OP(model_of(scene), "Sigmoid", scene->before));
}

static float scalar_of(const struct graph_value *value) {
    float number = 0;
    assert_true(graph_scalar(graph_constant(value), &number));
    return number;
}

static int zero_point_of(const struct graph_node *node) {
    return *(const uint8_t *)graph_constant(graph_input(node, 2))->bytes;
}

static void test_between__numbers_beside_a_value_are_its_scale(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *half = OP(model_of(&scene), "Mul", number(&scene, 0.5F), gated(&scene));
    close_scene(&scene, OP(model_of(&scene), "Sub", half, number(&scene, 1)), -1.2F, 2.6F);
    assert_int_equal(count(&scene, "Sub"), 0);
    const struct graph_node *product = only(&scene, "Mul");
    const struct graph_node *in = product->outputs[0]->uses->node;
    const struct graph_node *out = in->outputs[0]->uses->node;
    const float step = scalar_of(graph_input(out, 1));
    const int steps = zero_point_of(out) - zero_point_of(in);
    assert_true(fabsf(scalar_of(graph_input(in, 1)) - 2 * step) < 1e-6F);
    assert_true(fabsf((float)steps * step - 1) < 1e-4F);
    end(&scene, 3); /* the product, and the two that are gone */
}

static void test_between__a_number_stays_where_no_scale_says_it(void **state) {
    (void)state;
    static const struct {
        const char *op;
        float number, low, high;
    } CASES[] = {
        {"Mul", -2, -14, 0.6F},   /* it turns the order around */
        {"Add", 0.04F, -0.3F, 7}, /* one step and a third */
        {"Add", 9, 0, 7},         /* what is quantised would have no zero: 328 steps away */
        {"Add", -9, -7, 0},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct scene scene;
        open_scene(&scene);
        struct graph_value *value =
            OP(model_of(&scene), CASES[i].op, gated(&scene), number(&scene, CASES[i].number));
        struct graph_value *after = conv(&scene.fixture, value, 5);
        test_graph_output(model_of(&scene), after);
        bound(&scene.fixture, value, CASES[i].low, CASES[i].high);
        bound(&scene.fixture, after, -30, 30);
        quantise(&scene.fixture);
        assert_true(value->producer != NULL && graph_node_is(value->producer, CASES[i].op));
        end(&scene, 0);
    }
    struct scene scene; /* a layer's output has a scale already */
    open_scene(&scene);
    close_scene(&scene, OP(model_of(&scene), "Add", scene.before, number(&scene, 2)), -5, 9);
    assert_int_equal(count(&scene, "Add"), 1);
    end(&scene, 0);
    /* others see what it is added to */
    open_scene(&scene);
    struct graph_value *product = gated(&scene);
    test_graph_output(model_of(&scene), OP(model_of(&scene), "Abs", product));
    close_scene(&scene, OP(model_of(&scene), "Add", product, number(&scene, 1)), 0, 8);
    assert_int_equal(count(&scene, "Add"), 1);
    end(&scene, 0);
}

static struct graph_value *twice_as_large(const struct scene *scene, struct graph_value *value) {
    const float scales[] = {1, 1, 2, 2};
    struct graph_value *larger =
        OP(model_of(scene), "Resize", value, NULL,
           graph_add_floats(&model_of(scene)->main, SLICE("scales"), scales, 4, false));
    assert_int_equal(graph_set_text(larger->producer, "mode", SLICE("nearest")), STATUS_OK);
    return larger;
}

/* 4 filters of the 8 channels of both. */
static struct graph_value *conv_of_both(const struct scene *scene, struct graph_value *a,
                                        struct graph_value *b) {
    struct graph_value *both = OP(model_of(scene), "Concat", a, b);
    assert_int_equal(graph_set_integer(both->producer, "axis", 1), STATUS_OK);
    return OP(model_of(scene), "Conv", both, test_graph_weights(model_of(scene), "4x8x1x1", 3));
}

/* A Resize that takes numbers of that step and gives such. */
static void expect_moved(const struct scene *scene, float step) {
    uint32_t found = 0;
    for (const struct graph_node *node = model_of(scene)->main.first; node != NULL;
         node = node->after) {
        if (graph_node_is(node, "Resize")) {
            const float in = scalar_of(graph_input(graph_input(node, 0)->producer, 1));
            const float out = scalar_of(graph_input(node->outputs[0]->uses->node, 1));
            assert_true(in == out);
            found += fabsf(in - step) < 1e-6F;
        }
    }
    assert_int_equal(found, 1);
}

static void test_between__what_is_put_together_is_whole(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *small = OP(model_of(&scene), "Tanh", scene.before);
    struct graph_value *after =
        conv_of_both(&scene, twice_as_large(&scene, scene.before), twice_as_large(&scene, small));
    test_graph_output(model_of(&scene), after);
    bound(&scene.fixture, graph_input(after->producer, 0), -8, 8);
    bound(&scene.fixture, after, -20, 20);
    assert_true(quantise_and_compare(&scene.fixture) > NEAR_DB);
    assert_int_equal(scene.fixture.report.layers, 2);
    expect_whole(only(&scene, "Concat"));
    expect_moved(&scene, 14.0F / 255);
    expect_moved(&scene, 16.0F / 255);
    /* x, the first layer, Tanh, both that are larger, both together, the second layer */
    assert_int_equal(pairs(&scene.fixture), 7);
    end(&scene, 1);
}

static void test_between__what_others_see_is_not_moved_in_whole_numbers(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *small = OP(model_of(&scene), "Tanh", scene.before);
    struct graph_value *larger = twice_as_large(&scene, small);
    struct graph_value *after = conv_of_both(&scene, twice_as_large(&scene, scene.before), larger);
    test_graph_output(model_of(&scene), OP(model_of(&scene), "Abs", larger));
    test_graph_output(model_of(&scene), after);
    bound(&scene.fixture, graph_input(after->producer, 0), -8, 8);
    bound(&scene.fixture, after, -20, 20);
    quantise(&scene.fixture);
    expect_whole(only(&scene, "Concat"));
    assert_ptr_equal(graph_input(larger->producer, 0), small);
    end(&scene, 1);
}

static void test_between__a_constant_among_others_stays(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    struct graph_value *after =
        conv_of_both(&scene, scene.before, test_graph_weights(model_of(&scene), "1x4x6x6", 7));
    test_graph_output(model_of(&scene), after);
    bound(&scene.fixture, graph_input(after->producer, 0), -7, 7);
    bound(&scene.fixture, after, -20, 20);
    quantise(&scene.fixture);
    assert_non_null(graph_constant(graph_input(only(&scene, "Concat"), 1)));
    end(&scene, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between__a_hard_swish_is_a_sum_and_a_product),
        cmocka_unit_test(test_between__a_hard_sigmoid_of_other_numbers_stays),
        cmocka_unit_test(test_between__a_gate_and_a_number_have_a_range),
        cmocka_unit_test(test_between__a_gate_that_is_scaled_has_none),
        cmocka_unit_test(test_between__two_layers_are_added_in_whole_numbers),
        cmocka_unit_test(test_between__a_sum_without_scales_or_for_all_to_see_stays),
        cmocka_unit_test(test_between__numbers_beside_a_value_are_its_scale),
        cmocka_unit_test(test_between__a_number_stays_where_no_scale_says_it),
        cmocka_unit_test(test_between__what_is_put_together_is_whole),
        cmocka_unit_test(test_between__what_others_see_is_not_moved_in_whole_numbers),
        cmocka_unit_test(test_between__a_constant_among_others_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
