// SPDX-License-Identifier: Apache-2.0
#include "model/shape_fold.h"

#include "model/inferred.h"
#include "model/test_graph.h"

static struct graph_model *begun(int opset) {
    if (!test_model_can_run()) {
        skip();
    }
    return test_graph_new(opset);
}

static struct graph_value *input(struct graph_model *model, const char *shape) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, shape);
}

static struct graph_value *whole(struct graph_model *model, int64_t number, bool is_scalar) {
    return graph_add_integers(&model->main, SLICE("w"), &number, 1, is_scalar);
}

/* What is asked goes to an output, so that it is made by a node before and after. */
static void give(struct graph_model *model, struct graph_value *value) {
    test_graph_output(model, OP(model, "Neg", value));
}

static void test_shape_fold__shapes_that_are_known(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *x = input(model, "2x3x4");
    give(model, OP(model, "Shape", x));
    give(model, OP(model, "Size", x));
    test_graph_expect(model, shape_fold_graph, 2, 0);
    assert_int_equal(test_graph_count(model, "Shape") + test_graph_count(model, "Size"), 0);
    onnx_file_close(model);
}

static void test_shape_fold__a_part_of_a_shape(void **state) {
    (void)state;
    struct graph_model *model = begun(15);
    struct graph_value *x = input(model, "2x3x4");
    struct graph_value *part = OP(model, "Shape", x);
    assert_int_equal(graph_set_integer(part->producer, "start", -2), STATUS_OK);
    give(model, part);
    part = OP(model, "Shape", x);
    assert_int_equal(graph_set_integer(part->producer, "start", 1), STATUS_OK);
    assert_int_equal(graph_set_integer(part->producer, "end", -1), STATUS_OK);
    give(model, part);
    test_graph_expect(model, shape_fold_graph, 2, 0);
    onnx_file_close(model);
}

static void test_shape_fold__what_is_taken_of_a_shape(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *shape = OP(model, "Shape", input(model, "?x3x4"));
    give(model, OP(model, "Gather", shape, whole(model, -1, true)));
    give(model, OP(model, "Gather", shape, whole(model, 1, false)));
    give(model, OP(model, "Slice", shape, whole(model, 1, false), whole(model, 9, false)));
    give(model, OP(model, "Slice", shape, whole(model, -1, false), whole(model, INT64_MAX, false),
                   whole(model, 0, false), whole(model, 1, false)));
    test_graph_expect(model, shape_fold_graph, 4, 0);
    assert_int_equal(test_graph_count(model, "Shape"), 0);
    onnx_file_close(model);
}

static void test_shape_fold__a_slice_of_old(void **state) {
    (void)state;
    struct graph_model *model = begun(9);
    struct graph_value *slice = OP(model, "Slice", OP(model, "Shape", input(model, "?x3x4")));
    test_graph_integers(slice, "starts", &(const int64_t){1}, 1);
    test_graph_integers(slice, "ends", &(const int64_t){2}, 1);
    test_graph_integers(slice, "axes", &(const int64_t){0}, 1);
    struct graph_value *cast = OP(model, "Cast", slice);
    assert_int_equal(graph_set_integer(cast->producer, "to", ELEMENT_FLOAT32), STATUS_OK);
    test_graph_output(model, cast);
    test_graph_expect(model, shape_fold_graph, 1, 0);
    onnx_file_close(model);
}

static void test_shape_fold__what_is_not_known_stays(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *shape = OP(model, "Shape", input(model, "?x3x4"));
    give(model, shape);
    give(model, OP(model, "Gather", shape, whole(model, 0, true)));
    give(model, OP(model, "Slice", shape, whole(model, 0, false), whole(model, 2, false)));
    give(model, OP(model, "Slice", shape, whole(model, 2, false), whole(model, 0, false),
                   whole(model, 0, false), whole(model, -1, false)));
    test_graph_expect(model, shape_fold_graph, 0, 0);
    onnx_file_close(model);
}

/* The second of one number there is not, though the value has a second axis. */
static void test_shape_fold__what_is_not_there_stays(void **state) {
    (void)state;
    struct graph_model *model = begun(15);
    struct graph_value *part = OP(model, "Shape", input(model, "?x3"));
    assert_int_equal(graph_set_integer(part->producer, "end", 1), STATUS_OK);
    give(model, OP(model, "Gather", part, whole(model, 1, true)));
    uint32_t changes = 0;
    assert_int_equal(shape_fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

/* A tool that made the batch open forgot what is declared further on. */
static void test_shape_fold__a_wrong_declaration_is_not_believed(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *value = OP(model, "Relu", input(model, "?x2"));
    value->type = test_graph_type(model, ELEMENT_FLOAT32, "1x2");
    assert_true(graph_values_add(model, &model->main.declared, value));
    give(model, OP(model, "Shape", value));
    uint32_t changes = 0;
    assert_int_equal(shape_fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    assert_int_equal(inferred_types(model, NULL), STATUS_OK);
    assert_int_equal(value->type->dims[0].size, -1);
    assert_int_equal(value->type->dims[1].size, 2);
    assert_int_equal(shape_fold_graph(model, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    onnx_file_close(model);
}

/* --- what ONNX Runtime knows --- */

static void test_shape_fold__asks_without_the_weights(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *value =
        OP(model, "Conv", input(model, "?x8x9x9"), test_graph_weights(model, "16x8x3x3", 1));
    struct graph_value *flat =
        OP(model, "Reshape", value,
           graph_add_integers(&model->main, SLICE("s"), (const int64_t[]){0, -1}, 2, false));
    test_graph_output(model, flat);
    const struct graph_node *first = model->main.first;
    assert_int_equal(inferred_types(model, NULL), STATUS_OK);
    assert_ptr_equal(model->main.first, first); /* the model is as it was */
    assert_int_equal(model->main.output_count, 1);
    assert_int_equal(model->main.initializers.count, 2);
    assert_int_equal(value->type->rank, 4);
    assert_int_equal(value->type->dims[0].size, -1);
    assert_int_equal(value->type->dims[1].size, 16);
    assert_int_equal(value->type->dims[3].size, 7);
    assert_int_equal(flat->type->dims[1].size, 16 * 7 * 7);
    onnx_file_close(model);
}

static void test_shape_fold__asks_for_many_values(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *value = input(model, "2");
    for (int i = 0; i < INFERRED_VALUES_MAX + 3; i++) {
        value = OP(model, "Neg", value);
    }
    test_graph_output(model, value);
    assert_int_equal(inferred_types(model, NULL), STATUS_OK);
    assert_int_equal(value->type->dims[0].size, 2);
    onnx_file_close(model);
}

static void test_shape_fold__a_model_that_is_refused_tells_nothing(void **state) {
    (void)state;
    struct graph_model *model = begun(13);
    struct graph_value *value = OP(model, "NoSuchOperator", input(model, "2"));
    test_graph_output(model, value);
    assert_int_equal(inferred_types(model, NULL), STATUS_OK);
    assert_null(value->type);
    onnx_file_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape_fold__shapes_that_are_known),
        cmocka_unit_test(test_shape_fold__a_part_of_a_shape),
        cmocka_unit_test(test_shape_fold__what_is_taken_of_a_shape),
        cmocka_unit_test(test_shape_fold__a_slice_of_old),
        cmocka_unit_test(test_shape_fold__what_is_not_known_stays),
        cmocka_unit_test(test_shape_fold__what_is_not_there_stays),
        cmocka_unit_test(test_shape_fold__a_wrong_declaration_is_not_believed),
        cmocka_unit_test(test_shape_fold__asks_without_the_weights),
        cmocka_unit_test(test_shape_fold__asks_for_many_values),
        cmocka_unit_test(test_shape_fold__a_model_that_is_refused_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
