// SPDX-License-Identifier: Apache-2.0
#include "model/patch.h"

#include "model/test_channels.h"

static const float NINE[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static struct graph_value *conv(struct fixture *f, const char *weights) {
    *f = begin("1x1x3x3");
    return OP(f->model, "Conv", f->x, random_of(f, weights));
}

static struct tensor picture(const float *numbers) {
    union {
        const float *shown;
        void *bytes;
    } of = {.shown = numbers};
    return (struct tensor){
        .type = TENSOR_FLOAT32, .rank = 4, .shape = {1, 1, 3, 3}, .bytes = of.bytes};
}

static void expect_patch(const struct patch_shape *shape, const float *in, size_t position,
                         const float *numbers, size_t count) {
    float out[32];
    assert_int_equal(patch_numbers(shape), count);
    patch_take(shape, in, position, out);
    assert_memory_equal(out, numbers, count * sizeof(float));
}

static void test_patch__is_what_a_window_sees(void **state) {
    (void)state;
    struct fixture f;
    struct graph_value *y = conv(&f, "4x1x2x2");
    struct patch_shape shape;
    const struct tensor in = picture(NINE);
    assert_true(patch_shape_of(y->producer, &in, &shape));
    assert_int_equal(patch_positions(&shape), 4);
    expect_patch(&shape, NINE, 0, (const float[]){1, 2, 4, 5}, 4);
    expect_patch(&shape, NINE, 1, (const float[]){2, 3, 5, 6}, 4);
    expect_patch(&shape, NINE, 3, (const float[]){5, 6, 8, 9}, 4);
    onnx_file_close(f.model);
}

static void test_patch__of_padding_is_zero(void **state) {
    (void)state;
    struct fixture f;
    struct graph_value *y = WITH(conv(&f, "4x1x2x2"), "pads", 1, 0, 0, 2);
    struct patch_shape shape;
    const struct tensor in = picture(NINE);
    assert_true(patch_shape_of(y->producer, &in, &shape));
    assert_int_equal(shape.rows.out, 3);
    assert_int_equal(shape.columns.out, 4);
    expect_patch(&shape, NINE, 0, (const float[]){0, 0, 1, 2}, 4);
    expect_patch(&shape, NINE, 3, (const float[]){0, 0, 0, 0}, 4);
    expect_patch(&shape, NINE, 10, (const float[]){6, 0, 9, 0}, 4);
    onnx_file_close(f.model);
}

static void test_patch__may_skip_and_be_spread_out(void **state) {
    (void)state;
    struct fixture f;
    struct graph_value *y = WITH(conv(&f, "4x1x2x2"), "strides", 1, 2);
    y = WITH(y, "dilations", 2, 1);
    y = WITH(y, "pads", 0, 0, 0, 1);
    struct patch_shape shape;
    const struct tensor in = picture(NINE);
    assert_true(patch_shape_of(y->producer, &in, &shape));
    assert_int_equal(patch_positions(&shape), 2);
    expect_patch(&shape, NINE, 0, (const float[]){1, 2, 7, 8}, 4);
    expect_patch(&shape, NINE, 1, (const float[]){3, 0, 9, 0}, 4);
    onnx_file_close(f.model);
}

/* Three columns in steps of two: two answers; with windows of two one column is padded, with
 * windows of four three are. */
static void test_patch__pads_by_itself_where_it_is_told_to(void **state) {
    (void)state;
    static const struct {
        const char *mode, *weights;
        int64_t out, pad;
    } CASES[] = {{"SAME_UPPER", "4x1x2x2", 2, 0}, {"SAME_LOWER", "4x1x2x2", 2, 1},
                 {"SAME_UPPER", "4x1x4x4", 2, 1}, {"SAME_LOWER", "4x1x4x4", 2, 2},
                 {"SAME_UPPER", "4x1x1x1", 2, 0}, {"VALID", "4x1x2x2", 1, 0}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct fixture f;
        struct graph_value *y = WITH(conv(&f, CASES[i].weights), "strides", 2, 2);
        assert_int_equal(graph_set_text(y->producer, "auto_pad", slice_of(CASES[i].mode)),
                         STATUS_OK);
        struct patch_shape shape;
        const struct tensor in = picture(NINE);
        assert_true(patch_shape_of(y->producer, &in, &shape));
        assert_int_equal(shape.rows.out, CASES[i].out);
        assert_int_equal(shape.rows.pad, CASES[i].pad);
        onnx_file_close(f.model);
    }
}

/* Windows of one in steps of three leave out more than there is. */
static void test_patch__pads_nothing_where_nothing_is_missing(void **state) {
    (void)state;
    struct fixture f;
    struct graph_value *y = WITH(conv(&f, "4x1x1x1"), "strides", 3, 3);
    struct patch_shape shape;
    const struct tensor in = picture(NINE);
    assert_int_equal(graph_set_text(y->producer, "auto_pad", SLICE("SAME_UPPER")), STATUS_OK);
    assert_true(patch_shape_of(y->producer, &in, &shape));
    assert_int_equal(patch_positions(&shape), 1);
    expect_patch(&shape, NINE, 0, (const float[]){1}, 1);
    onnx_file_close(f.model);
}

static void test_patch__has_all_channels_of_its_picture(void **state) {
    (void)state;
    struct fixture f = begin("2x2x3");
    struct graph_value *y = OP(f.model, "Conv", f.x, random_of(&f, "4x2x2"));
    const float numbers[] = {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60};
    struct tensor in = picture(numbers);
    in.rank = 3;
    in.shape[0] = 2;
    in.shape[1] = 2;
    struct patch_shape shape;
    assert_true(patch_shape_of(y->producer, &in, &shape));
    assert_int_equal(patch_positions(&shape), 4);
    expect_patch(&shape, numbers, 1, (const float[]){2, 3, 5, 6}, 4);
    expect_patch(&shape, numbers, 2, (const float[]){10, 20, 40, 50}, 4);
    onnx_file_close(f.model);
}

static void refuse(struct graph_value *y, struct tensor in, struct fixture *f) {
    struct patch_shape shape;
    assert_false(patch_shape_of(y->producer, &in, &shape));
    onnx_file_close(f->model);
}

static void test_patch__refuses_what_does_not_fit(void **state) {
    (void)state;
    struct fixture f;
    struct tensor in = picture(NINE);
    refuse(with(conv(&f, "4x1x2x2"), "group", 2), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "strides", 0, 1), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "strides", 1), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "dilations", -1, 1), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "dilations", 3, 1), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "dilations", INT64_MAX, 1), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "pads", -1, 0, 0, 0), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "pads", 0, 0, -1, 0), in, &f);
    refuse(WITH(conv(&f, "4x1x2x2"), "pads", 0, 0), in, &f);
    refuse(conv(&f, "4x1x4x1"), in, &f);
    refuse(conv(&f, "4x2x2x2"), in, &f);
    refuse(conv(&f, "4x1x2x2x2"), in, &f);
    f = begin("1x1x3x3");
    refuse(OP(f.model, "Relu", f.x), in, &f);
    in.rank = 5;
    in.shape[4] = 3;
    refuse(conv(&f, "4x1x1x1"), in, &f);
    refuse(conv(&f, "4x1x1x1x1"), in, &f);
    in.rank = 3;
    refuse(conv(&f, "4x1x1x1"), in, &f);
    in.rank = 4;
    in.shape[2] = 0;
    refuse(WITH(conv(&f, "4x1x1x1"), "pads", 1, 1, 1, 1), in, &f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patch__is_what_a_window_sees),
        cmocka_unit_test(test_patch__of_padding_is_zero),
        cmocka_unit_test(test_patch__may_skip_and_be_spread_out),
        cmocka_unit_test(test_patch__pads_by_itself_where_it_is_told_to),
        cmocka_unit_test(test_patch__pads_nothing_where_nothing_is_missing),
        cmocka_unit_test(test_patch__has_all_channels_of_its_picture),
        cmocka_unit_test(test_patch__refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
