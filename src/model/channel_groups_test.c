// SPDX-License-Identifier: Apache-2.0
#include "model/channel_groups.h"

#include "model/test_channels.h"

static void test_channel_groups__channels_that_are_added_go_together(void **state) {
    (void)state;
    static const char *const OPS[] = {"Add", "Sub", "Mul", "Max"};
    for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++) {
        struct fixture f = begin("1x3x6x6");
        struct graph_value *a = OP(f.model, "Relu", first(&f));
        struct graph_value *b = OP(f.model, "Relu", next(&f, a, "6x8x1x1"));
        struct graph_value *sum = OP(f.model, OPS[i], a, next(&f, b, "8x6x1x1"));
        /* The eight that are tied are one group of eight: four go, and three of b's six. */
        expect_gone(&f, next(&f, sum, "4x8x1x1"), 4 + 3);
    }
}

static void test_channel_groups__channels_side_by_side_go_each_for_itself(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = first(&f);
    struct graph_value *b = next(&f, a, "6x8x1x1");
    struct graph_value *both = OP(f.model, "Concat", a, b, a);
    assert_int_equal(graph_set_integer(both->producer, "axis", 1), STATUS_OK);
    expect_gone(&f, next(&f, both, "4x22x1x1"), 4 + 3);

    /* Along another axis the same channels are meant. */
    f = begin("1x3x6x6");
    a = first(&f);
    b = next(&f, a, "8x8x1x1");
    both = OP(f.model, "Concat", a, b);
    assert_int_equal(graph_set_integer(both->producer, "axis", -1), STATUS_OK);
    expect_gone(&f, next(&f, both, "4x8x1x1"), 4);
}

static void test_channel_groups__what_lies_beside_channels_stays_where_it_is(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *sides[] = {f.x, first(&f), random_of(&f, "1x2x6x6")};
    struct graph_value *all = test_graph_op(f.model, "Concat", sides, 3);
    assert_int_equal(graph_set_integer(all->producer, "axis", 1), STATUS_OK);
    struct graph_value *weights = random_of(&f, "4x13x1x1");
    for (size_t i = 0; i < 4 * 13; i++) {
        const size_t position = i % 13; /* three of x stand before the eight */
        numbers_of(weights)[i] *= position >= 3 && position < 11 && position % 2 == 0 ? 0 : 1;
    }
    expect_gone(&f, OP(f.model, "Conv", all, weights), 4);

    /* Nobody knows how many there are before them. */
    f = begin("1xcx6x6");
    struct graph_value *open[] = {f.x, NULL};
    struct graph_value *a =
        OP(f.model, "Conv", test_graph_input(f.model, "z", ELEMENT_FLOAT32, "1x3x6x6"),
           random_of(&f, "8x3x1x1"));
    open[1] = a;
    all = test_graph_op(f.model, "Concat", open, 2);
    assert_int_equal(graph_set_integer(all->producer, "axis", 1), STATUS_OK);
    expect_gone(&f, next(&f, all, "4x11x1x1"), 0);
}

static void test_channel_groups__filters_of_their_own_go_with_their_channels(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = first(&f);
    struct graph_value *own = OP(f.model, "Conv", a, random_of(&f, "8x1x3x3"), random_of(&f, "8"));
    assert_int_equal(graph_set_integer(own->producer, "group", 8), STATUS_OK);
    struct graph_value *norm =
        OP(f.model, "BatchNormalization", own, random_of(&f, "8"), random_of(&f, "8"),
           random_of(&f, "8"), FLOATS(f.model, "8", 1, 2, 3, 4, 5, 6, 7, 8));
    expect_gone(&f, next(&f, norm, "4x8x1x1"), 4);
}

static void test_channel_groups__several_filters_of_a_channel_go_with_it(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *own =
        OP(f.model, "Conv", first(&f), random_of(&f, "16x1x3x3"), random_of(&f, "16"));
    assert_int_equal(graph_set_integer(own->producer, "group", 8), STATUS_OK);
    struct graph_value *weights = random_of(&f, "4x16x1x1");
    for (size_t i = 0; i < 4 * 16; i++) {
        numbers_of(weights)[i] *= i / 2 % 2 == 1 ? 0 : 1;
    }
    expect_gone(&f, OP(f.model, "Conv", own, weights), 4);

    /* Groups that are neither one nor a channel each. */
    f = begin("1x3x6x6");
    own = OP(f.model, "Conv", first(&f), random_of(&f, "8x4x1x1"));
    assert_int_equal(graph_set_integer(own->producer, "group", 2), STATUS_OK);
    expect_gone(&f, next(&f, own, "4x8x1x1"), 0);
}

static void test_channel_groups__flattened_channels_are_blocks_of_columns(void **state) {
    (void)state;
    for (int64_t transposed = 0; transposed < 2; transposed++) {
        struct fixture f = begin("2x3x3x3");
        struct graph_value *flat = OP(f.model, "Flatten", OP(f.model, "Relu", first(&f)));
        struct graph_value *y =
            OP(f.model, "Gemm", flat,
               blind(&f, transposed != 0 ? "5x72" : "72x5", transposed != 0 ? 1 : 0, 9),
               random_of(&f, "5"));
        assert_int_equal(graph_set_integer(y->producer, "transB", transposed), STATUS_OK);
        expect_gone(&f, y, 4);
    }
    struct fixture f = begin("2x3x3x3");
    struct graph_value *flat = OP(f.model, "Flatten", first(&f));
    struct graph_value *norm =
        OP(f.model, "BatchNormalization", flat, random_of(&f, "72"), random_of(&f, "72"),
           random_of(&f, "72"), OP(f.model, "Abs", random_of(&f, "72")));
    norm = OP(f.model, "Mul", norm, random_of(&f, "1x72"));
    /* A variance that is computed is none that can be cut. */
    expect_gone(&f, OP(f.model, "MatMul", norm, blind(&f, "72x5", 0, 9)), 0);

    f = begin("2x3x3x3");
    flat = OP(f.model, "Mul", OP(f.model, "Flatten", first(&f)), random_of(&f, "1x72"));
    expect_gone(&f, OP(f.model, "MatMul", flat, blind(&f, "72x5", 0, 9)), 4);
}

static void test_channel_groups__a_reshape_that_flattens_is_one(void **state) {
    (void)state;
    static const int64_t TARGETS[][2] = {{0, -1}, {0, 72}, {-1, 72}, {2, 72}, {2, -1}};
    for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++) {
        for (int is_declared = 0; is_declared < 2; is_declared++) {
            struct fixture f = begin("2x3x3x3");
            struct graph_value *made = first(&f);
            if (is_declared != 0) {
                made->type = test_graph_type(f.model, ELEMENT_FLOAT32, "2x8x3x3");
            }
            struct graph_value *y = reshaped(&f, made, TARGETS[i][0], TARGETS[i][1]);
            /* Without a shape only a first axis that stays says that all others are one. */
            expect_gone(&f, y, is_declared != 0 || TARGETS[i][0] == 0 ? 4 : 0);
        }
    }
}

static void test_channel_groups__what_callers_see_stays(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = first(&f);
    struct graph_value *y = next(&f, OP(f.model, "Relu", a), "4x8x1x1");
    test_graph_output(f.model, a);
    expect_gone(&f, y, 0);
}

static void test_channel_groups__what_a_body_sees_stays(void **state) {
    (void)state;
    struct test_model test;
    test_model_begin(&test);
    test_model_input(&test, "x", ONNX_FLOAT, "1x3x1x1");
    test_model_output(&test, "y", ONNX_FLOAT, "?");
    test_model_output(&test, "z", ONNX_FLOAT, "1x1x1x1");
    const float ones[24] = {1, 2, 3, 4, 5, 6, 7, 8};
    test_model_constant(&test, "w", ONNX_FLOAT, "8x3x1x1",
                        (struct slice){(const char *)ones, sizeof(ones)});
    test_model_constant(&test, "v", ONNX_FLOAT, "1x8x1x1",
                        (struct slice){(const char *)ones, 8 * sizeof(float)});
    test_model_node(&test, "Conv", "x w", "a");
    test_model_node(&test, "Conv", "a v", "z");
    test_model_endless(&test, "a", "y");
    struct buffer bytes = {0};
    struct error err = {0};
    uint32_t gone = 0;
    char path[] = "/tmp/ebb-prune-XXXXXX";
    struct graph_model *model = NULL;
    assert_int_equal(close(mkstemp(path)), 0);
    test_model_write(&test, path, 13);
    assert_int_equal(onnx_file_open(path, &model, &err), STATUS_OK);
    assert_int_equal(unlink(path), 0);
    buffer_done(&bytes);
    /* The loop is given `a`: an operator that nobody knows here. Now its body reaches for it. */
    struct graph_node *loop = model->main.last;
    assert_true(graph_node_is(loop, "Loop"));
    struct graph_node *add = graph_attribute(loop, "body")->body->last;
    struct graph_value *a = graph_input(loop, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(prune_half(model, &gone, &err), STATUS_OK);
        assert_int_equal(gone, 0);
        assert_int_equal(graph_set_input(add, 1, a), STATUS_OK);
        assert_int_equal(graph_set_input(loop, 2, model->main.inputs.items[0]), STATUS_OK);
    }
    onnx_file_close(model);
}

static struct graph_value *second_output(struct graph_value *value) {
    struct graph_node *node = value->producer;
    struct arena *arena = &node->graph->model->arena;
    struct graph_value **outputs = arena_get(arena, 2, sizeof(struct graph_value *));
    outputs[0] = node->outputs[0];
    outputs[1] = arena_get(arena, 1, sizeof(struct graph_value));
    *outputs[1] = (struct graph_value){.name = graph_new_name(node->graph->model, SLICE("second")),
                                       .graph = node->graph,
                                       .producer = node};
    node->outputs = outputs;
    node->output_count = 2;
    return outputs[1];
}

static void test_channel_groups__a_second_output_keeps_the_channels(void **state) {
    (void)state;
    static const int64_t WINDOW[] = {2, 2};
    struct fixture f = begin("1x3x6x6");
    struct graph_value *pool = OP(f.model, "MaxPool", first(&f));
    test_graph_integers(pool, "kernel_shape", WINDOW, 2);
    struct graph_value *where = second_output(pool);
    test_graph_output(f.model, OP(f.model, "Abs", where));
    expect_gone(&f, next(&f, pool, "4x8x1x1"), 0);
}

/* What lies between a layer and one that looks at every second of its channels. */
static struct graph_value *through(struct fixture *f, struct graph_value *a, const char *op) {
    struct graph_value *value = OP(f->model, op, a);
    static const int64_t WINDOW[] = {2, 2};
    if (slice_ends(slice_of(op), "Pool") && !slice_starts(slice_of(op), "Global")) {
        test_graph_integers(value, "kernel_shape", WINDOW, 2);
    }
    return value;
}

static void test_channel_groups__operators_between_are_understood(void **state) {
    (void)state;
    static const char *const OPS[] = {"Relu",
                                      "LeakyRelu",
                                      "Sigmoid",
                                      "Tanh",
                                      "Clip",
                                      "Elu",
                                      "HardSigmoid",
                                      "Softplus",
                                      "MaxPool",
                                      "AveragePool",
                                      "GlobalAveragePool",
                                      "GlobalMaxPool",
                                      "Abs",
                                      "Identity",
                                      "Erf",
                                      "Dropout"};
    for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++) {
        struct fixture f = begin("1x3x6x6");
        expect_gone(&f, next(&f, through(&f, first(&f), OPS[i]), "4x8x1x1"), 4);
    }
}

static void test_channel_groups__constants_beside_channels_are_cut(void **state) {
    (void)state;
    static const struct {
        const char *op, *shape;
    } CASES[] = {{"Add", "8x1x1"}, {"Mul", "1x8x1x1"}, {"PRelu", "8x1x1"}, {"Sub", "1x8x6x6"},
                 {"Add", "6"},     {"Mul", "1x1x6x6"}, {"Div", "1"}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct fixture f = begin("1x3x6x6");
        struct graph_value *a = OP(f.model, CASES[i].op, first(&f), random_of(&f, CASES[i].shape));
        expect_gone(&f, next(&f, a, "4x8x1x1"), 4);
    }
    /* Of more axes than the channels have: they are counted from the end. */
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = OP(f.model, "Mul", first(&f), random_of(&f, "2x1x8x1x1"));
    static const int64_t ORDER[] = {0, 1, 3, 4, 2};
    a = OP(f.model, "Transpose", a);
    test_graph_integers(a, "perm", ORDER, 5);
    expect_gone(&f, OP(f.model, "MatMul", a, blind(&f, "8x5", 0, 1)), 4);
}

static void test_channel_groups__a_gate_goes_with_its_channels(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = first(&f);
    struct graph_value *squeezed = next(&f, OP(f.model, "GlobalAveragePool", a), "4x8x1x1");
    struct graph_value *gate =
        OP(f.model, "Sigmoid", next(&f, OP(f.model, "Relu", squeezed), "8x4x1x1"));
    expect_gone(&f, next(&f, OP(f.model, "Mul", a, gate), "4x8x1x1"), 4 + 2);

    /* A gate for all of them is none of them. */
    f = begin("1x3x6x6");
    a = first(&f);
    gate = OP(f.model, "Sigmoid", next(&f, a, "1x8x1x1"));
    expect_gone(&f, next(&f, OP(f.model, "Mul", a, gate), "4x8x1x1"), 4);

    /* One number for all, also one of more axes. */
    f = begin("1x3x6x6");
    gate = test_graph_input(f.model, "g", ELEMENT_FLOAT32, "1x1x1x1x1");
    a = OP(f.model, "Mul", first(&f), gate);
    a = WITH(OP(f.model, "Transpose", a), "perm", 0, 1, 3, 4, 2);
    expect_gone(&f, OP(f.model, "MatMul", a, blind(&f, "8x5", 0, 1)), 4);

    /* Numbers of somebody else: of the input. */
    f = begin("1x8x6x6");
    a = OP(f.model, "Conv", f.x, random_of(&f, "8x8x1x1"));
    expect_gone(&f, next(&f, OP(f.model, "Add", a, f.x), "4x8x1x1"), 0);
}

static void test_channel_groups__axes_may_move(void **state) {
    (void)state;
    static const int64_t LAST[] = {0, 2, 3, 1};
    static const int64_t SPATIAL[] = {2, -1};
    static const int64_t FRONT[] = {0};
    struct fixture f = begin("2x3x6x6");
    struct graph_value *a = OP(f.model, "Transpose", first(&f));
    test_graph_integers(a, "perm", LAST, 4);
    expect_gone(
        &f,
        OP(f.model, "MatMul", OP(f.model, "Add", a, random_of(&f, "8")), blind(&f, "8x5", 0, 1)),
        4);

    for (int64_t keep = 0; keep < 2; keep++) {
        f = begin("2x3x6x6");
        a = OP(f.model, "ReduceMean", first(&f));
        test_graph_integers(a, "axes", SPATIAL, 2);
        assert_int_equal(graph_set_integer(a->producer, "keepdims", keep), STATUS_OK);
        if (keep != 0) {
            a = OP(f.model, "Squeeze", a,
                   graph_add_integers(&f.model->main, SLICE("s"), SPATIAL, 2, false));
        }
        struct graph_value *y = OP(f.model, "Gemm", a, blind(&f, "8x5", 0, 1));
        y = OP(f.model, "Unsqueeze", y,
               graph_add_integers(&f.model->main, SLICE("u"), FRONT, 1, false));
        expect_gone(&f, OP(f.model, "MatMul", y, blind(&f, "5x2", 0, 1)), 4 + 2);
    }
    /* The mean of all channels. */
    static const int64_t CHANNELS[] = {1};
    f = begin("2x3x6x6");
    a = OP(f.model, "ReduceMean", first(&f));
    test_graph_integers(a, "axes", CHANNELS, 1);
    expect_gone(&f, OP(f.model, "Relu", a), 0);
}

static void test_channel_groups__rows_of_a_transposed_product_are_columns(void **state) {
    (void)state;
    static const int64_t SWAPPED[] = {1, 0};
    struct fixture f = begin("4x3");
    struct graph_value *a =
        OP(f.model, "Transpose", OP(f.model, "MatMul", f.x, random_of(&f, "3x8")));
    test_graph_integers(a, "perm", SWAPPED, 2);
    struct graph_value *y = OP(f.model, "Gemm", a, blind(&f, "8x5", 0, 1), random_of(&f, "1x5"));
    assert_int_equal(graph_set_integer(y->producer, "transA", 1), STATUS_OK);
    expect_gone(&f, y, 4);

    /* Not transposed, the channels are rows of the product. */
    f = begin("8x3");
    a = OP(f.model, "Transpose", OP(f.model, "MatMul", f.x, random_of(&f, "3x8")));
    test_graph_integers(a, "perm", SWAPPED, 2);
    expect_gone(&f, OP(f.model, "Gemm", a, blind(&f, "8x5", 0, 1)), 0);
}

static void test_channel_groups__a_transposed_convolution_has_columns_first(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *up =
        OP(f.model, "ConvTranspose", first(&f), blind(&f, "8x6x2x2", 0, 1), random_of(&f, "6"));
    expect_gone(&f, next(&f, OP(f.model, "Relu", up), "4x6x1x1"), 4 + 3);

    f = begin("1x3x6x6");
    up = with(OP(f.model, "ConvTranspose", first(&f), random_of(&f, "8x3x2x2")), "group", 2);
    expect_gone(&f, next(&f, up, "4x6x1x1"), 0);
}

static struct graph_value *resized(struct fixture *f, struct graph_value *a, float channels) {
    const float scales[] = {1, channels, 2, 2};
    struct graph_value *inputs[] = {a, NULL, test_graph_floats(f->model, "4", scales, 4)};
    return test_graph_op(f->model, "Resize", inputs, 3);
}

static void test_channel_groups__pictures_may_grow_but_not_channels(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    expect_gone(&f, next(&f, resized(&f, first(&f), 1), "4x8x1x1"), 4);
    f = begin("1x3x6x6");
    expect_gone(&f, next(&f, resized(&f, first(&f), 2), "4x16x1x1"), 0);

    static const int64_t AROUND[] = {0, 0, 1, 1, 0, 0, 1, 1};
    static const int64_t MORE[] = {0, 0, 1, 1, 0, 2, 1, 1};
    f = begin("1x3x6x6");
    struct graph_value *pads = graph_add_integers(&f.model->main, SLICE("p"), AROUND, 8, false);
    expect_gone(&f, next(&f, OP(f.model, "Pad", first(&f), pads), "4x8x1x1"), 4);
    f = begin("1x3x6x6");
    pads = graph_add_integers(&f.model->main, SLICE("p"), MORE, 8, false);
    expect_gone(&f, next(&f, OP(f.model, "Pad", first(&f), pads), "4x10x1x1"), 0);
}

static void test_channel_groups__a_group_is_what_the_same_layers_make(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = first(&f);
    struct graph_value *b = next(&f, a, "4x8x1x1");
    struct graph_value *both = with(OP(f.model, "Concat", a, b), "axis", 1);
    struct graph_value *c = OP(f.model, "Conv", b, random_of(&f, "12x4x1x1"));
    struct graph_value *y = next(&f, OP(f.model, "Add", both, c), "2x12x1x1");
    test_graph_output(f.model, y);
    struct channel_groups groups;
    struct error err = {0};
    assert_int_equal(channel_groups_find(f.model, &groups, &err), STATUS_OK);
    /* Each of c's twelve is one of a's eight or one of b's four; the output's two must stay. */
    assert_int_equal(groups.unit_count, 14);
    assert_int_equal(groups.group_count, 2);
    assert_int_equal(groups.groups[0].count, 8);
    assert_ptr_equal(groups.groups[0].maker, a->producer);
    assert_int_equal(groups.groups[1].count, 4);
    assert_ptr_equal(groups.groups[1].maker, b->producer);
    for (uint32_t i = 0; i < 14; i++) {
        assert_int_equal(groups.group_of[i], i < 8 ? 0 : i < 12 ? 1 : CHANNEL_GROUP_NONE);
        assert_ptr_equal(groups.kept_by[i], i < 12 ? NULL : y->producer);
    }
    channel_groups_done(&groups);
    onnx_file_close(f.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_groups__channels_that_are_added_go_together),
        cmocka_unit_test(test_channel_groups__channels_side_by_side_go_each_for_itself),
        cmocka_unit_test(test_channel_groups__what_lies_beside_channels_stays_where_it_is),
        cmocka_unit_test(test_channel_groups__filters_of_their_own_go_with_their_channels),
        cmocka_unit_test(test_channel_groups__several_filters_of_a_channel_go_with_it),
        cmocka_unit_test(test_channel_groups__flattened_channels_are_blocks_of_columns),
        cmocka_unit_test(test_channel_groups__a_reshape_that_flattens_is_one),
        cmocka_unit_test(test_channel_groups__what_callers_see_stays),
        cmocka_unit_test(test_channel_groups__what_a_body_sees_stays),
        cmocka_unit_test(test_channel_groups__a_second_output_keeps_the_channels),
        cmocka_unit_test(test_channel_groups__operators_between_are_understood),
        cmocka_unit_test(test_channel_groups__constants_beside_channels_are_cut),
        cmocka_unit_test(test_channel_groups__a_gate_goes_with_its_channels),
        cmocka_unit_test(test_channel_groups__axes_may_move),
        cmocka_unit_test(test_channel_groups__rows_of_a_transposed_product_are_columns),
        cmocka_unit_test(test_channel_groups__a_transposed_convolution_has_columns_first),
        cmocka_unit_test(test_channel_groups__pictures_may_grow_but_not_channels),
        cmocka_unit_test(test_channel_groups__a_group_is_what_the_same_layers_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
