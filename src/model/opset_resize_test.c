// SPDX-License-Identifier: Apache-2.0
#include "model/test_opset.h"

/* --- Resize --- */

static struct graph_model *resized(int opset, const char *op, const char *mode, float height,
                                   float width, struct graph_value *picture) {
    struct graph_model *model = picture->graph->model;
    struct graph_value *scales = FLOATS(model, "4", 1, 1, height, width);
    struct graph_value *output = OP(model, op, picture, scales);
    SET(graph_set_text(output->producer, "mode", slice_of(mode)));
    test_graph_output(model, output);
    assert_int_equal(graph_opset(model), opset);
    return model;
}

static void test_opset_upgrade__a_linear_resize_keeps_where_its_places_are(void **state) {
    (void)state;
    static const float MEANT[] = {0, 0.5F, 1, 1.5F, 2, 2.5F, 3, 3, 2, 2.5F};
    struct graph_model *model = test_graph_new(10);
    float ramp[16];
    for (int i = 0; i < 16; i++) {
        ramp[i] = (float)i;
    }
    (void)resized(10, "Resize", "linear", 2, 2, test_graph_floats(model, "1x1x4x4", ramp, 16));
    test_graph_expect(model, to_13, 1, 0);
    struct test_answer answer = test_graph_run(model, 1);
    for (size_t i = 0; i < sizeof(MEANT) / sizeof(MEANT[0]); i++) {
        assert_true(answer.numbers[i] == MEANT[i]);
    }
    memory_free(answer.numbers);
    onnx_file_close(model);
}

static struct graph_value *picture_of(int opset) {
    return test_graph_input(test_graph_new(opset), "x", ELEMENT_FLOAT32, "1x2x5x6");
}

static void test_opset_upgrade__the_nearest_is_before_or_behind(void **state) {
    (void)state;
    expect_kept(resized(10, "Resize", "nearest", 1.7F, 2, picture_of(10)));
    expect_kept(resized(10, "Resize", "nearest", 0.6F, 0.7F, picture_of(10)));
    struct graph_model *both = resized(10, "Resize", "nearest", 0.6F, 1.7F, picture_of(10));
    test_graph_expect(both, to_13, 1, 0);
    assert_int_equal(test_graph_count(both, "Resize"), 2);
    onnx_file_close(both);
}

static void test_opset_upgrade__scales_may_be_computed(void **state) {
    (void)state;
    struct graph_model *model = picture_of(10)->graph->model;
    struct graph_value *half = FLOATS(model, "4", 0.5F, 0.5F, 0.3F, 0.85F);
    struct graph_value *scales = OP(model, "Mul", half, FLOATS(model, "1", 2));
    test_graph_output(model, OP(model, "Resize", model->main.inputs.items[0], scales));
    expect_kept(model);
}

static void test_opset_upgrade__upsample_becomes_resize(void **state) {
    (void)state;
    expect_kept(resized(9, "Upsample", "linear", 2, 3, picture_of(9)));
    expect_kept(resized(9, "Upsample", "nearest", 2, 3, picture_of(9)));
    struct graph_model *first;
    struct graph_node *node = one_node(&first, 1, "Upsample", "1x2x5x6");
    SET(graph_set_number(node, "height_scale", 2));
    SET(graph_set_number(node, "width_scale", 3));
    SET(graph_set_text(node, "mode", SLICE("bilinear")));
    expect_means(first, resized(9, "Upsample", "linear", 2, 3, picture_of(9)));
}

static void test_opset_upgrade__sizes_take_the_place_of_empty_scales(void **state) {
    (void)state;
    struct graph_model *model = picture_of(11)->graph->model;
    struct graph_value *none = test_graph_floats(model, "0", NULL, 0);
    const int64_t sizes[] = {1, 2, 7, 4};
    test_graph_output(model, OP(model, "Resize", model->main.inputs.items[0], none, none,
                                graph_add_integers(&model->main, SLICE("sizes"), sizes, 4, false)));
    test_graph_expect(model, to_13, 1, 0);
    assert_null(graph_input(model->main.last, 2));
    onnx_file_close(model);
}

static void test_opset_upgrade__a_region_keeps_its_half_pixel(void **state) {
    (void)state;
    struct graph_model *model = picture_of(15)->graph->model;
    struct graph_value *regions = FLOATS(model, "1x4", 0.5F, 1, 4, 4.5F);
    const int64_t first = 0;
    struct graph_value *output =
        OP(model, "RoiAlign", model->main.inputs.items[0], regions,
           graph_add_integers(&model->main, SLICE("first"), &first, 1, false));
    SET(graph_set_integer(output->producer, "output_height", 2));
    SET(graph_set_integer(output->producer, "output_width", 2));
    test_graph_output(model, output);
    test_graph_expect(model, to_17, 1, 0);
    onnx_file_close(model);
}

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opset_upgrade__a_linear_resize_keeps_where_its_places_are),
        cmocka_unit_test(test_opset_upgrade__the_nearest_is_before_or_behind),
        cmocka_unit_test(test_opset_upgrade__scales_may_be_computed),
        cmocka_unit_test(test_opset_upgrade__upsample_becomes_resize),
        cmocka_unit_test(test_opset_upgrade__sizes_take_the_place_of_empty_scales),
        cmocka_unit_test(test_opset_upgrade__a_region_keeps_its_half_pixel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
