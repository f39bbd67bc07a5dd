// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_layer.h"

#include "model/test_graph.h"

struct fixture {
    struct graph_model *model;
    struct graph_value *x;
    struct quantize_layer layer;
};

static void begin(struct fixture *fixture, const char *shape) {
    *fixture = (struct fixture){.model = test_graph_new(13)};
    fixture->x = test_graph_input(fixture->model, "x", ELEMENT_FLOAT32, shape);
}

static bool is_layer(struct fixture *fixture, const struct graph_value *made) {
    return quantize_layer_read(made->producer, &fixture->layer);
}

static struct graph_value *weights(struct fixture *fixture, const char *shape) {
    return test_graph_weights(fixture->model, shape, 1);
}

static void test_quantize_layer__reads_where_the_channels_lie(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, "1x3x8x8");
    assert_true(is_layer(&f, OP(f.model, "Conv", f.x, weights(&f, "5x3x2x2"), weights(&f, "5"))));
    assert_int_equal(f.layer.axis, 0);
    assert_int_equal(f.layer.layout.count, 5);
    assert_true(f.layer.wants_output && f.layer.adds_pairs);
    assert_non_null(f.layer.bias);
    assert_true(is_layer(&f, OP(f.model, "MatMul", f.x, weights(&f, "8x6"))));
    assert_int_equal(f.layer.axis, 1);
    assert_int_equal(f.layer.layout.count, 6);
    assert_true(!f.layer.wants_output && f.layer.bias == NULL);
    assert_true(is_layer(&f, OP(f.model, "Gemm", f.x, weights(&f, "8x6"), weights(&f, "1x6"))));
    assert_int_equal(f.layer.axis, 1);
    struct graph_value *turned = OP(f.model, "Gemm", f.x, weights(&f, "6x8"), weights(&f, "6"));
    assert_int_equal(graph_set_integer(turned->producer, "transB", 1), STATUS_OK);
    assert_true(is_layer(&f, turned));
    assert_int_equal(f.layer.axis, 0);
    assert_int_equal(f.layer.layout.count, 6);
    onnx_file_close(f.model);
}

static void test_quantize_layer__adds_no_pairs_where_channels_stand_alone(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, "1x4x8x8");
    struct graph_value *alone = OP(f.model, "Conv", f.x, weights(&f, "4x1x3x3"));
    assert_int_equal(graph_set_integer(alone->producer, "group", 4), STATUS_OK);
    assert_true(is_layer(&f, alone));
    assert_false(f.layer.adds_pairs);
    onnx_file_close(f.model);
}

static void test_quantize_layer__refuses_what_kernels_do_not_have(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, "1x4x8x8");
    struct graph_value *made = OP(f.model, "Relu", f.x);
    assert_false(is_layer(&f, made));
    assert_false(is_layer(&f, OP(f.model, "MatMul", f.x, made)));
    assert_false(is_layer(&f, OP(f.model, "MatMul", f.x, weights(&f, "4x8x8"))));
    assert_false(is_layer(&f, OP(f.model, "MatMul", weights(&f, "8x8"), f.x)));
    assert_false(is_layer(&f, OP(f.model, "MatMul", weights(&f, "8x8"), weights(&f, "8x8"))));
    assert_false(is_layer(&f, OP(f.model, "Conv", f.x, weights(&f, "4x4"))));
    assert_false(is_layer(&f, OP(f.model, "Conv", f.x, weights(&f, "4x4x3x3"), made)));
    assert_false(is_layer(&f, OP(f.model, "Conv", f.x, weights(&f, "4x4x3x3"), weights(&f, "3"))));
    struct graph_value *whole = graph_add_integers(
        &f.model->main, SLICE("w"), (const int64_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, false);
    assert_false(is_layer(&f, OP(f.model, "MatMul", f.x, whole)));
    onnx_file_close(f.model);
}

static void test_quantize_layer__takes_a_gemm_only_as_it_is(void **state) {
    (void)state;
    static const char *const NUMBERS[] = {"alpha", "beta"};
    struct fixture f;
    begin(&f, "2x8");
    for (size_t i = 0; i < 2; i++) {
        struct graph_value *other = OP(f.model, "Gemm", f.x, weights(&f, "8x6"), weights(&f, "6"));
        assert_int_equal(graph_set_number(other->producer, NUMBERS[i], 0.5F), STATUS_OK);
        assert_false(is_layer(&f, other));
    }
    struct graph_value *turned = OP(f.model, "Gemm", f.x, weights(&f, "2x6"), weights(&f, "6"));
    assert_int_equal(graph_set_integer(turned->producer, "transA", 1), STATUS_OK);
    assert_false(is_layer(&f, turned));
    /* A bias for each row, and one of a single number, are none for each channel. */
    assert_false(is_layer(&f, OP(f.model, "Gemm", f.x, weights(&f, "8x2"), weights(&f, "2x1"))));
    assert_false(is_layer(&f, OP(f.model, "Gemm", f.x, weights(&f, "8x6"), weights(&f, ""))));
    assert_false(is_layer(&f, OP(f.model, "Gemm", f.x, weights(&f, "8x1"), weights(&f, ""))));
    onnx_file_close(f.model);
}

static struct graph_value *number(struct fixture *fixture, float value) {
    return graph_add_floats(&fixture->model->main, SLICE("n"), &value, 1, true);
}

static void test_quantize_layer__knows_what_clamps_its_output(void **state) {
    (void)state;
    struct fixture f;
    float least = 7;
    float most = 7;
    begin(&f, "2x8");
    struct graph_value *sum = OP(f.model, "MatMul", f.x, weights(&f, "8x6"));
    assert_true(is_layer(&f, sum));
    assert_null(quantize_layer_clamp(&f.layer, &least, &most));
    assert_ptr_equal(quantize_layer_end(&f.layer), sum);
    struct graph_value *clipped = OP(f.model, "Clip", sum, number(&f, -1), number(&f, 6));
    assert_ptr_equal(quantize_layer_clamp(&f.layer, &least, &most), clipped->producer);
    assert_true(least == -1 && most == 6);
    assert_ptr_equal(quantize_layer_end(&f.layer), clipped);
    (void)OP(f.model, "Neg", sum);
    assert_null(quantize_layer_clamp(&f.layer, &least, &most));
    assert_ptr_equal(quantize_layer_end(&f.layer), sum);
    struct graph_value *again = OP(f.model, "MatMul", f.x, weights(&f, "8x6"));
    assert_true(is_layer(&f, again));
    struct graph_value *relu = OP(f.model, "Relu", again);
    assert_ptr_equal(quantize_layer_clamp(&f.layer, &least, &most), relu->producer);
    assert_true(least == 0 && isinf(most));
    test_graph_output(f.model, again); /* it is seen unclamped */
    assert_null(quantize_layer_clamp(&f.layer, &least, &most));
    onnx_file_close(f.model);
}

static void test_quantize_layer__is_clamped_by_no_bound_that_is_made(void **state) {
    (void)state;
    struct fixture f;
    float least;
    float most;
    begin(&f, "2x8");
    struct graph_value *sum = OP(f.model, "MatMul", f.x, weights(&f, "8x6"));
    struct graph_value *bound = test_graph_input(f.model, "bound", ELEMENT_FLOAT32, "");
    (void)OP(f.model, "Clip", sum, bound);
    assert_true(is_layer(&f, sum));
    assert_null(quantize_layer_clamp(&f.layer, &least, &most));
    struct graph_value *other = OP(f.model, "MatMul", f.x, weights(&f, "8x1"));
    (void)OP(f.model, "Clip", f.x, other); /* the layer is the bound */
    assert_true(is_layer(&f, other));
    assert_null(quantize_layer_clamp(&f.layer, &least, &most));
    onnx_file_close(f.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize_layer__reads_where_the_channels_lie),
        cmocka_unit_test(test_quantize_layer__adds_no_pairs_where_channels_stand_alone),
        cmocka_unit_test(test_quantize_layer__refuses_what_kernels_do_not_have),
        cmocka_unit_test(test_quantize_layer__takes_a_gemm_only_as_it_is),
        cmocka_unit_test(test_quantize_layer__knows_what_clamps_its_output),
        cmocka_unit_test(test_quantize_layer__is_clamped_by_no_bound_that_is_made),
    };
    return cmocka_run_group_tests_name("quantize_layer", tests, NULL, NULL);
}
