// SPDX-License-Identifier: Apache-2.0
#include "model/test_channels.h"

static void test_channel_rules__what_stays_keeps_what_is_tied_to_it(void **state) {
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct fixture f = begin("1x3x6x6");
        struct graph_value *a = first(&f);
        struct graph_value *b = first(&f);
        test_graph_output(f.model, turn == 0 ? a : b);
        expect_gone(&f, next(&f, OP(f.model, "Add", a, b), "4x8x1x1"), 0);
    }
}

/* In all of these the columns that the last layer takes are as many as fit by chance. */
static void test_channel_rules__counts_that_fit_by_chance_deceive_nobody(void **state) {
    (void)state;
    /* Channels before them that nobody knows the count of: three. */
    struct fixture f = begin("1x3x2x4");
    struct graph_value *z = test_graph_input(f.model, "z", ELEMENT_FLOAT32, "1xcx2x4");
    struct graph_value *both = with(OP(f.model, "Concat", z, first(&f)), "axis", 1);
    expect_gone(&f, OP(f.model, "MatMul", OP(f.model, "Flatten", both), random_of(&f, "88x5")), 0);

    /* Flattened ones of nine columns each beside others of one. */
    f = begin("2x3x3x3");
    struct graph_value *small = OP(f.model, "GlobalAveragePool", first(&f));
    both = with(
        OP(f.model, "Concat", OP(f.model, "Flatten", first(&f)), OP(f.model, "Flatten", small)),
        "axis", 1);
    expect_gone(&f, OP(f.model, "MatMul", both, random_of(&f, "80x5")), 0);

    /* A constant makes five of one, beside three. */
    f = begin("1x3x2x1");
    struct graph_value *five =
        OP(f.model, "Add", OP(f.model, "Conv", f.x, random_of(&f, "1x3x1x1")),
           random_of(&f, "1x5x1x1"));
    both = with(OP(f.model, "Concat", five, OP(f.model, "Conv", f.x, random_of(&f, "3x3x1x1"))),
                "axis", 1);
    expect_gone(&f, OP(f.model, "MatMul", OP(f.model, "Flatten", both), random_of(&f, "16x5")), 0);

    /* Eight flattened channels behind 24. */
    f = begin("2x3x3x3");
    struct graph_value *row =
        WITH(OP(f.model, "MaxPool", OP(f.model, "Conv", f.x, random_of(&f, "24x3x1x1"))),
             "kernel_shape", 3, 1);
    both =
        with(OP(f.model, "Concat", OP(f.model, "Flatten", first(&f)), OP(f.model, "Flatten", row)),
             "axis", 0);
    expect_gone(&f, OP(f.model, "MatMul", both, random_of(&f, "72x5")), 0);
}

static void test_channel_rules__another_axis_is_not_the_channels(void **state) {
    (void)state;
    /* Eight channels on the last axis of a picture of eight columns, and eight on its second. */
    static const char *const OPS[] = {"Add", "Concat", "Concat"};
    static const int64_t AXES[] = {0, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f = begin("1x8x8x8");
        struct graph_value *last = OP(f.model, "MatMul", f.x, random_of(&f, "8x8"));
        struct graph_value *a = OP(f.model, "Conv", f.x, random_of(&f, "8x8x1x1"));
        struct graph_value *y = OP(f.model, OPS[i], a, last);
        if (AXES[i] > 0) {
            (void)with(y, "axis", AXES[i]);
        }
        expect_gone(&f, next(&f, y, AXES[i] == 1 ? "4x16x1x1" : "4x8x1x1"), 0);
    }
    /* Normalized, pooled or reshaped along what the second axis has become: rows of the picture. */
    struct fixture f = begin("1x3x8x6");
    struct graph_value *moved = WITH(OP(f.model, "Transpose", first(&f)), "perm", 0, 2, 3, 1);
    struct graph_value *norm =
        OP(f.model, "BatchNormalization", moved, random_of(&f, "8"), random_of(&f, "8"),
           random_of(&f, "8"), FLOATS(f.model, "8", 1, 2, 3, 4, 5, 6, 7, 8));
    expect_gone(&f, OP(f.model, "MatMul", norm, blind(&f, "8x5", 0, 1)), 0);

    f = begin("1x3x6x6");
    moved = WITH(OP(f.model, "Transpose", first(&f)), "perm", 0, 2, 3, 1);
    struct graph_value *pool = WITH(OP(f.model, "MaxPool", moved), "kernel_shape", 1, 3);
    pool = WITH(pool, "pads", 0, 1, 0, 1);
    expect_gone(&f, OP(f.model, "MatMul", pool, random_of(&f, "8x5")), 0);

    f = begin("2x3x3x3");
    moved = WITH(OP(f.model, "Transpose", first(&f)), "perm", 0, 2, 3, 1);
    struct graph_value *flat = OP(f.model, "Reshape", moved, INTEGERS(&f, 0, -1));
    expect_gone(&f, OP(f.model, "MatMul", flat, random_of(&f, "72x5")), 0);

    f = begin("1x8x6");
    struct graph_value *own = OP(f.model, "Conv", OP(f.model, "MatMul", f.x, random_of(&f, "6x8")),
                                 random_of(&f, "8x1x1"));
    own = with(own, "group", 8);
    expect_gone(&f, OP(f.model, "MatMul", own, random_of(&f, "8x5")), 0);

    /* Added to all others, the mean over channels is theirs, too. */
    f = begin("1x3x6x6");
    struct graph_value *mean = WITH(OP(f.model, "ReduceMean", first(&f)), "axes", 1);
    expect_gone(&f, next(&f, OP(f.model, "Add", first(&f), mean), "4x8x1x1"), 0);
}

static void test_channel_rules__axes_come_and_go_on_both_sides(void **state) {
    (void)state;
    struct fixture f = begin("2x3x6x6");
    struct graph_value *a =
        with(WITH(OP(f.model, "ReduceMean", first(&f)), "axes", 0), "keepdims", 0);
    a = OP(f.model, "Unsqueeze", a, INTEGERS(&f, 0));
    expect_gone(&f, next(&f, a, "4x8x1x1"), 4);

    f = begin("2x3");
    a = OP(f.model, "MatMul", f.x, random_of(&f, "3x8"));
    a = OP(f.model, "Unsqueeze", a, INTEGERS(&f, -1));
    expect_gone(&f, OP(f.model, "Conv", a, blind(&f, "4x8x1", 1, 1)), 4);

    f = begin("1x3x6x6");
    a = with(OP(f.model, "Concat", first(&f), first(&f)), "axis", -3);
    expect_gone(&f, next(&f, a, "4x16x1x1"), 8);

    f = begin("1x3x6x6");
    a = with(OP(f.model, "Flatten", first(&f)), "axis", -3);
    expect_gone(&f, OP(f.model, "MatMul", a, blind(&f, "288x5", 0, 36)), 4);
}

/* The same layer behind operators that enlarge, with as many columns as fit. */
static void expect_enlarged(struct fixture *f, struct graph_value *larger, const char *shape) {
    expect_gone(f, OP(f->model, "MatMul", OP(f->model, "Flatten", larger), random_of(f, shape)), 0);
}

static void test_channel_rules__channels_that_come_by_padding_or_resizing_keep_all(void **state) {
    (void)state;
    struct fixture f = begin("1x3x2x2");
    expect_enlarged(&f, OP(f.model, "Pad", first(&f), INTEGERS(&f, 0, 2, 0, 0, 0, 0, 0, 0)),
                    "40x5");
    f = begin("1x3x2x2");
    expect_enlarged(&f, OP(f.model, "Pad", first(&f), INTEGERS(&f, 0, 0, 0, 0, 0, 2, 0, 0)),
                    "40x5");
    f = begin("1x3x2x2");
    struct graph_value *scales = FLOATS(f.model, "4", 1, 0.5F, 1, 1);
    struct graph_value *inputs[] = {first(&f), NULL, scales};
    expect_enlarged(&f, test_graph_op(f.model, "Resize", inputs, 3), "16x5");
    f = begin("1x3x2x2");
    inputs[0] = first(&f);
    inputs[1] = FLOATS(f.model, "8", 0, 0, 0, 0, 1, 0.5F, 1, 1);
    inputs[2] = FLOATS(f.model, "4", 1, 1, 1, 1);
    struct graph_value *cropped = test_graph_op(f.model, "Resize", inputs, 3);
    assert_int_equal(graph_set_text(cropped->producer, "coordinate_transformation_mode",
                                    SLICE("tf_crop_and_resize")),
                     STATUS_OK);
    expect_kept(&f, next(&f, cropped, "4x8x1x1"));

    /* Axes by name, in another order: here the channels' is the third. */
    f = begin("1x3x2x2");
    f.model->opsets[0].version = 18;
    struct graph_value *pads[] = {first(&f), INTEGERS(&f, 0, 0, 1, 0, 0, 0, 1, 0), NULL,
                                  INTEGERS(&f, 0, 2, 1, 3)};
    expect_enlarged(&f, test_graph_op(f.model, "Pad", pads, 4), "40x5");
    f = begin("1x3x2x2");
    f.model->opsets[0].version = 18;
    inputs[0] = first(&f);
    inputs[1] = NULL;
    inputs[2] = FLOATS(f.model, "4", 1, 1, 0.5F, 1);
    expect_enlarged(&f, WITH(test_graph_op(f.model, "Resize", inputs, 3), "axes", 0, 2, 1, 3),
                    "16x5");
}

static void test_channel_rules__a_target_that_allows_zeroes_is_left_alone(void **state) {
    (void)state;
    struct fixture f = begin("2x3x3x3");
    f.model->opsets[0].version = 14;
    struct graph_value *made = first(&f);
    made->type = test_graph_type(f.model, ELEMENT_FLOAT32, "2x8x3x3");
    struct graph_value *y = reshaped(&f, made, -1, 72);
    (void)with(graph_input(y->producer, 0), "allowzero", 1);
    expect_gone(&f, y, 0);

    /* A shape larger than any, whose product is 72 where no more than 64 bits are looked at. */
    f = begin("2x3x3x3");
    made = first(&f);
    made->type = test_graph_type(f.model, ELEMENT_FLOAT32, "2x8x3x2305843009213693955");
    expect_kept(&f, reshaped(&f, made, -1, 72));
}

/* What ONNX Runtime refuses is refused there; here it must only do no harm. */
static void test_channel_rules__what_contradicts_itself_is_left_alone(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    expect_kept(&f, next(&f, first(&f), "4x16x1x1"));
    f = begin("1x3x6x6");
    expect_kept(&f, next(&f, first(&f), "4x9x1x1"));
    f = begin("1x3x6x6");
    struct graph_value *a = OP(f.model, "Conv", f.x, random_of(&f, "8x3x1x1"), random_of(&f, "4"));
    expect_kept(&f, next(&f, a, "4x8x1x1"));
    f = begin("1x3x6x6");
    a = with(OP(f.model, "Conv", first(&f), random_of(&f, "5x1x1x1")), "group", 8);
    expect_kept(&f, next(&f, a, "4x5x1x1"));
    f = begin("1x3x6x6");
    struct graph_value *w = random_of(&f, "8");
    a = OP(f.model, "BatchNormalization", first(&f), w, w, w, w);
    expect_kept(&f, next(&f, with(a, "training_mode", 1), "4x8x1x1"));
    f = begin("1x3x6x6");
    w = random_of(&f, "8x2");
    a = OP(f.model, "BatchNormalization", first(&f), w, w, w, w);
    expect_kept(&f, next(&f, a, "4x8x1x1"));
    f = begin("1x3x6x6");
    a = OP(f.model, "Relu", first(&f));
    a->producer->outputs = arena_get(&f.model->arena, 1, sizeof(struct graph_value *));
    expect_kept(&f, f.x);

    /* More than anybody has. */
    f = begin("1x1");
    a = OP(f.model, "MatMul", f.x, random_of(&f, "1x1048577"));
    expect_kept(&f, OP(f.model, "MatMul", a, random_of(&f, "1048577x1")));
}

/* Eight channels, or 72 columns of eight, and numbers for others. */
static void test_channel_rules__numbers_for_other_channels_are_left_alone(void **state) {
    (void)state;
    static const char *const COUNTS[] = {"16", "70", "4"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f = begin("1x3x3x3");
        struct graph_value *w = random_of(&f, COUNTS[i]);
        struct graph_value *a = OP(f.model, "BatchNormalization", first(&f), w, w, w, w);
        expect_kept(&f, next(&f, a, "4x8x1x1"));

        /* What is spread may have any multiple: how often, only a runtime knows. */
        if (i == 0) {
            continue;
        }
        f = begin("1x3x3x3");
        w = random_of(&f, COUNTS[i]);
        a = OP(f.model, "BatchNormalization", OP(f.model, "Flatten", first(&f)), w, w, w, w);
        expect_kept(&f, OP(f.model, "MatMul", a, blind(&f, "72x5", 0, 9)));
        f = begin("1x3x3x3");
        a = OP(f.model, "Add", OP(f.model, "Flatten", first(&f)), random_of(&f, COUNTS[i]));
        expect_kept(&f, OP(f.model, "MatMul", a, blind(&f, "72x5", 0, 9)));
    }
}

static void test_channel_rules__axes_that_nobody_counted_are_left_alone(void **state) {
    (void)state;
    struct fixture f = begin("2x3x4x5");
    struct graph_value *unknown = OP(f.model, "Softmax", f.x);
    struct graph_value *a = OP(f.model, "MatMul", unknown, random_of(&f, "5x8"));
    a = OP(f.model, "Add", a, random_of(&f, "8"));
    a = OP(f.model, "Unsqueeze", a, INTEGERS(&f, 0));
    expect_gone(&f, OP(f.model, "MatMul", a, blind(&f, "8x5", 0, 1)), 0);

    /* Beside each other on the first axis, which could be their own. */
    f = begin("2x3x4x5");
    unknown = OP(f.model, "Softmax", f.x);
    a = OP(f.model, "MatMul", unknown, random_of(&f, "5x8"));
    struct graph_value *b = OP(f.model, "MatMul", unknown, random_of(&f, "5x8"));
    a = with(OP(f.model, "Concat", a, b), "axis", 0);
    expect_gone(&f, OP(f.model, "MatMul", a, blind(&f, "8x5", 0, 1)), 0);
}

static void test_channel_rules__other_numbers_than_float32_are_left_alone(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    const int64_t dims[] = {8, 3, 1, 1};
    void *bytes = NULL;
    struct graph_tensor *doubles = graph_tensor_new(f.model, ELEMENT_FLOAT64, dims, 4, &bytes);
    struct graph_value *a =
        OP(f.model, "Conv", f.x, graph_add_tensor(&f.model->main, SLICE("w"), doubles));
    expect_kept(&f, next(&f, a, "4x8x1x1"));
}

static void test_channel_rules__a_flattening_of_other_axes_is_left_alone(void **state) {
    (void)state;
    struct fixture f = begin("2x3x2x4");
    struct graph_value *flat = with(OP(f.model, "Flatten", first(&f)), "axis", 2);
    expect_gone(&f, OP(f.model, "MatMul", flat, random_of(&f, "8x5")), 0);

    /* Side by side nobody knows where the columns of the one end. */
    f = begin("2x3x3x3");
    struct graph_value *parts =
        OP(f.model, "Concat", OP(f.model, "Flatten", first(&f)), OP(f.model, "Flatten", first(&f)));
    assert_int_equal(graph_set_integer(parts->producer, "axis", 1), STATUS_OK);
    expect_gone(&f, OP(f.model, "MatMul", parts, random_of(&f, "144x5")), 0);

    /* One channel's columns added to those of eight: they are as many by chance. */
    f = begin("2x1x2x12");
    struct graph_value *one =
        OP(f.model, "Flatten", OP(f.model, "Conv", f.x, random_of(&f, "1x1x1x1")));
    struct graph_value *many =
        OP(f.model, "MaxPool", OP(f.model, "Conv", f.x, random_of(&f, "8x1x1x1")));
    static const int64_t WINDOW[] = {2, 4};
    test_graph_integers(many, "kernel_shape", WINDOW, 2);
    test_graph_integers(many, "strides", WINDOW, 2);
    many = OP(f.model, "Flatten", many);
    expect_gone(&f, OP(f.model, "MatMul", OP(f.model, "Add", one, many), blind(&f, "24x5", 0, 3)),
                0);
}

static void test_channel_rules__a_reshape_that_mixes_is_left_alone(void **state) {
    (void)state;
    struct fixture f = begin("4x3x3x3");
    struct graph_value *made = first(&f);
    made->type = test_graph_type(f.model, ELEMENT_FLOAT32, "4x8x3x3");
    const int64_t target[] = {2, -1}; /* two pictures in a row */
    struct graph_value *shape = graph_add_integers(&f.model->main, SLICE("t"), target, 2, false);
    struct graph_value *y =
        OP(f.model, "MatMul", OP(f.model, "Reshape", made, shape), blind(&f, "144x5", 0, 18));
    expect_gone(&f, y, 0);

    f = begin("2x3x3x3");
    const int64_t channels_last[] = {0, 9, 8};
    shape = graph_add_integers(&f.model->main, SLICE("t"), channels_last, 3, false);
    y = OP(f.model, "MatMul", OP(f.model, "Reshape", first(&f), shape), random_of(&f, "8x5"));
    expect_gone(&f, y, 0);
}

static void test_channel_rules__what_is_not_understood_stays(void **state) {
    (void)state;
    static const char *const OPS[] = {"Softmax", "Shape", "LRN", "Size"};
    for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++) {
        struct fixture f = begin("1x3x6x6");
        struct graph_value *a = first(&f);
        struct graph_value *other = OP(f.model, OPS[i], a);
        if (strcmp(OPS[i], "LRN") == 0) {
            assert_int_equal(graph_set_integer(other->producer, "size", 3), STATUS_OK);
        }
        test_graph_output(f.model, other);
        expect_gone(&f, next(&f, a, "4x8x1x1"), 0);
    }
    /* Weights that no constant holds. */
    struct fixture f = begin("1x3x6x6");
    struct graph_value *weights = OP(f.model, "Abs", random_of(&f, "4x8x1x1"));
    expect_gone(&f, OP(f.model, "Conv", first(&f), weights), 0);
    f = begin("1x3x6x6");
    struct graph_value *a =
        OP(f.model, "Conv", f.x, random_of(&f, "8x3x1x1"), OP(f.model, "Abs", random_of(&f, "8")));
    expect_gone(&f, next(&f, a, "4x8x1x1"), 0);
    /* Before opset 7 attributes said what belongs together. */
    f = begin("1x3x6x6");
    f.model->opsets[0].version = 6;
    test_graph_output(f.model, next(&f, first(&f), "4x8x1x1"));
    uint32_t gone = 0;
    struct error err = {0};
    assert_int_equal(prune_half(f.model, &gone, &err), STATUS_OK);
    assert_int_equal(gone, 0);
    onnx_file_close(f.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_rules__what_stays_keeps_what_is_tied_to_it),
        cmocka_unit_test(test_channel_rules__counts_that_fit_by_chance_deceive_nobody),
        cmocka_unit_test(test_channel_rules__another_axis_is_not_the_channels),
        cmocka_unit_test(test_channel_rules__axes_come_and_go_on_both_sides),
        cmocka_unit_test(test_channel_rules__channels_that_come_by_padding_or_resizing_keep_all),
        cmocka_unit_test(test_channel_rules__a_target_that_allows_zeroes_is_left_alone),
        cmocka_unit_test(test_channel_rules__what_contradicts_itself_is_left_alone),
        cmocka_unit_test(test_channel_rules__numbers_for_other_channels_are_left_alone),
        cmocka_unit_test(test_channel_rules__axes_that_nobody_counted_are_left_alone),
        cmocka_unit_test(test_channel_rules__other_numbers_than_float32_are_left_alone),
        cmocka_unit_test(test_channel_rules__a_flattening_of_other_axes_is_left_alone),
        cmocka_unit_test(test_channel_rules__a_reshape_that_mixes_is_left_alone),
        cmocka_unit_test(test_channel_rules__what_is_not_understood_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
