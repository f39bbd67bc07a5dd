// SPDX-License-Identifier: Apache-2.0
#include "model/layer_matrix.h"

#include "model/layer_scene.h"
#include "model/test_channels.h"

static void expect(const struct layer_matrix *layer, const double *wanted) {
    double matrix[64];
    layer_matrix_read(layer, matrix);
    for (size_t i = 0; i < (size_t)layer->rows * layer_matrix_columns(layer); i++) {
        if (!(fabs(matrix[i] - wanted[i]) < 1e-6)) {
            fail_msg("number %zu is %g, not %g", i, matrix[i], wanted[i]);
        }
    }
}

/* The node's matrix is `wanted`; it becomes `other` and is that then. */
static struct layer_matrix expect_both(struct graph_value *y, const double *wanted,
                                       const double *other) {
    struct layer_matrix layer;
    struct error err = {0};
    assert_true(layer_matrix_of(y->producer, &layer));
    expect(&layer, wanted);
    assert_int_equal(layer_matrix_write(&layer, other, &err), STATUS_OK);
    struct layer_matrix again;
    assert_true(layer_matrix_of(y->producer, &again));
    assert_int_equal(layer_matrix_columns(&again), layer_matrix_columns(&layer));
    return again;
}

static const double OTHER[] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

static void test_layer_matrix__of_a_convolution(void **state) {
    (void)state;
    struct fixture f = begin("1x1x3x3");
    struct graph_value *w = FLOATS(f.model, "2x1x1x2", 1, 2, 3, 4);
    struct graph_value *y = OP(f.model, "Conv", f.x, w, FLOATS(f.model, "2", 5, 6));
    const struct layer_matrix layer = expect_both(y, (const double[]){1, 2, 5, 3, 4, 6}, OTHER);
    expect(&layer, OTHER);
    assert_int_equal(graph_constant(graph_input(y->producer, 1))->rank, 4);
    assert_memory_equal(w->tensor->bytes, ((const float[]){1, 2, 3, 4}), 16); /* shared, perhaps */
    onnx_file_close(f.model);

    /* Without a bias it has one from then on. */
    f = begin("1x1x3x3");
    y = OP(f.model, "Conv", f.x, FLOATS(f.model, "1x1x1x2", 1, 2));
    const struct layer_matrix biased = expect_both(y, (const double[]){1, 2, 0}, OTHER);
    expect(&biased, OTHER);
    assert_int_equal(y->producer->input_count, 3);
    onnx_file_close(f.model);
}

static void test_layer_matrix__of_a_gemm(void **state) {
    (void)state;
    for (int64_t turned = 0; turned < 2; turned++) {
        struct fixture f = begin("1x2");
        struct graph_value *w = turned != 0 ? FLOATS(f.model, "3x2", 1, 2, 3, 4, 5, 6)
                                            : FLOATS(f.model, "2x3", 1, 3, 5, 2, 4, 6);
        struct graph_value *y = OP(f.model, "Gemm", f.x, w, FLOATS(f.model, "1", 10));
        (void)with(y, "transB", turned);
        assert_int_equal(graph_set_number(y->producer, "alpha", 2), STATUS_OK);
        assert_int_equal(graph_set_number(y->producer, "beta", 0.5F), STATUS_OK);
        const struct layer_matrix layer =
            expect_both(y, (const double[]){2, 4, 5, 6, 8, 5, 10, 12, 5}, OTHER);
        expect(&layer, OTHER);
        assert_null(graph_attribute(y->producer, "alpha"));
        const float *numbers = graph_constant(graph_input(y->producer, 1))->bytes;
        assert_true(numbers[1] > (turned != 0 ? 7.9F : 5.9F) &&
                    numbers[1] < (turned != 0 ? 8.1F : 6.1F));
        onnx_file_close(f.model);
    }
}

static void test_layer_matrix__of_a_product_with_an_add_behind_it(void **state) {
    (void)state;
    for (uint32_t side = 0; side < 2; side++) {
        struct fixture f = begin("1x2");
        struct graph_value *y = OP(f.model, "MatMul", f.x, FLOATS(f.model, "2x2", 1, 3, 2, 4));
        struct graph_value *bias = FLOATS(f.model, "1x2", 10, 20);
        struct graph_value *sum =
            side == 0 ? OP(f.model, "Add", bias, y) : OP(f.model, "Add", y, bias);
        test_graph_output(f.model, sum);
        const struct layer_matrix layer = expect_both(y, (const double[]){1, 2, 0, 3, 4, 0}, OTHER);
        /* The last column is what comes on top: it is in the sum already. */
        expect(&layer, (const double[]){9, 8, 0, 6, 5, 0});
        const struct graph_tensor *added = graph_constant(graph_input(sum->producer, side));
        assert_int_equal(added->rank, 2);
        const float *numbers = added->bytes;
        assert_true(numbers[0] > 16.9F && numbers[0] < 17.1F);
        assert_true(numbers[1] > 23.9F && numbers[1] < 24.1F);
        onnx_file_close(f.model);
    }
    /* Somebody else sees the product, so an Add may not say more. */
    struct fixture f = begin("1x2");
    struct graph_value *y = OP(f.model, "MatMul", f.x, FLOATS(f.model, "2x2", 1, 3, 2, 4));
    test_graph_output(f.model, OP(f.model, "Add", y, FLOATS(f.model, "2", 10, 20)));
    test_graph_output(f.model, y);
    const struct layer_matrix layer = expect_both(y, (const double[]){1, 2, 3, 4}, OTHER);
    assert_false(layer.has_constant);
    expect(&layer, OTHER);
    onnx_file_close(f.model);
}

static void refuse(struct graph_value *y, struct fixture *f) {
    struct layer_matrix layer;
    assert_false(layer_matrix_of(y->producer, &layer));
    onnx_file_close(f->model);
}

static void test_layer_matrix__refuses_other_nodes(void **state) {
    (void)state;
    struct fixture f = begin("1x2");
    refuse(OP(f.model, "Relu", f.x), &f);
    f = begin("1x2");
    refuse(OP(f.model, "Add", f.x, FLOATS(f.model, "1x2", 1, 2)), &f);
    f = begin("1x2");
    refuse(OP(f.model, "MatMul", f.x, f.x), &f);
    f = begin("1x2");
    refuse(OP(f.model, "Conv", f.x, FLOATS(f.model, "", 1)), &f);
    f = begin("1x2");
    refuse(OP(f.model, "MatMul", f.x, random_of(&f, "2x2x2")), &f);
    f = begin("1x2");
    refuse(with(OP(f.model, "Gemm", f.x, random_of(&f, "2x2")), "transA", 1), &f);
    f = begin("1x2");
    refuse(OP(f.model, "Gemm", f.x, random_of(&f, "2x2"), f.x), &f);
    f = begin("2x2");
    refuse(OP(f.model, "Gemm", f.x, random_of(&f, "2x3"), random_of(&f, "2x3")), &f);
    f = begin("1x2x3x3");
    refuse(with(OP(f.model, "Conv", f.x, random_of(&f, "2x1x1x1")), "group", 2), &f);
}

static void test_layer_matrix__says_when_memory_is_short(void **state) {
    (void)state;
    struct fixture f = begin("1x2");
    struct graph_value *y = OP(f.model, "MatMul", f.x, random_of(&f, "2x2"));
    struct layer_matrix layer;
    struct error err = {0};
    assert_true(layer_matrix_of(y->producer, &layer));
    f.model->arena.bytes_max = f.model->arena.bytes;
    while (arena_get(&f.model->arena, 1, 1) != NULL) {
    }
    assert_int_equal(layer_matrix_write(&layer, OTHER, &err), STATUS_NO_MEMORY);
    onnx_file_close(f.model);
}

/* Answers to two pictures of one channel each, two outputs, three columns. */
static void test_layer_scene__finds_inputs_and_outputs(void **state) {
    (void)state;
    struct fixture f = begin("2x1x3");
    struct graph_value *y = OP(f.model, "Conv", f.x, random_of(&f, "2x1x1"));
    float numbers[] = {1, 2, 3, 4, 5, 6};
    struct tensor given = {.type = TENSOR_FLOAT32, .rank = 3, .shape = {2, 1, 3}, .bytes = numbers};
    struct tensor answer = {.type = TENSOR_FLOAT32, .rank = 3, .shape = {2, 2, 3}};
    struct layer_matrix layer;
    struct layer_scene scene;
    uint32_t outputs = 0;
    float inputs[2];
    assert_true(layer_matrix_of(y->producer, &layer));
    assert_true(layer_scene_of(&layer, &given, &scene));
    assert_int_equal(scene.positions, 6);
    layer_scene_inputs(&scene, 4, inputs);
    assert_memory_equal(inputs, ((const float[]){5, 1}), sizeof(inputs));
    assert_true(layer_scene_fits(&scene, &answer, &outputs));
    assert_int_equal(outputs, 2);
    /* Of the second picture, behind six numbers of the first, its second output's second column. */
    assert_int_equal(layer_scene_place(&scene, 4, 1, 2), 6 + 3 + 1);
    answer.shape[2] = 4;
    assert_false(layer_scene_fits(&scene, &answer, &outputs));
    answer.shape[2] = 3;
    answer.shape[0] = 1;
    assert_false(layer_scene_fits(&scene, &answer, &outputs));
    given.type = TENSOR_INT32;
    assert_false(layer_scene_of(&layer, &given, &scene));
    onnx_file_close(f.model);

    f = begin("3x2");
    y = OP(f.model, "MatMul", f.x, random_of(&f, "2x5"));
    given = (struct tensor){.type = TENSOR_FLOAT32, .rank = 2, .shape = {3, 2}, .bytes = numbers};
    answer = (struct tensor){.type = TENSOR_FLOAT32, .rank = 2, .shape = {3, 5}};
    assert_true(layer_matrix_of(y->producer, &layer));
    assert_true(layer_scene_of(&layer, &given, &scene));
    assert_int_equal(scene.positions, 3);
    assert_true(layer_scene_fits(&scene, &answer, &outputs));
    assert_int_equal(outputs, 5);
    assert_int_equal(layer_scene_place(&scene, 2, 4, 5), 14);
    answer.shape[0] = 2;
    assert_false(layer_scene_fits(&scene, &answer, &outputs));
    given.shape[1] = 3;
    assert_false(layer_scene_of(&layer, &given, &scene));
    given.rank = 0;
    assert_false(layer_scene_of(&layer, &given, &scene));
    onnx_file_close(f.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layer_matrix__of_a_convolution),
        cmocka_unit_test(test_layer_matrix__of_a_gemm),
        cmocka_unit_test(test_layer_matrix__of_a_product_with_an_add_behind_it),
        cmocka_unit_test(test_layer_matrix__refuses_other_nodes),
        cmocka_unit_test(test_layer_matrix__says_when_memory_is_short),
        cmocka_unit_test(test_layer_scene__finds_inputs_and_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
