// SPDX-License-Identifier: Apache-2.0
#include "model/opset.h"

#include "model/test_opset.h"

/* --- what is refused --- */

static void test_opset_upgrade__an_operator_that_no_table_knows_is_refused(void **state) {
    (void)state;
    struct graph_model *model;
    (void)one_node(&model, 11, "Crop", "2x6");
    expect_refused(model, 13, "'Crop' is no operator of opset 11");
    (void)one_node(&model, 9, "Round", "2x6"); /* it came with 11 */
    expect_refused(model, 13, "'Round'");
    (void)one_node(&model, 11, "Upsample", "2x6"); /* it went with 10 */
    expect_refused(model, 13, "'Upsample'");
    (void)one_node(&model, 11, "Relu", "2x6");
    model->has_functions = true;
    expect_refused(model, 13, "functions");
    (void)one_node(&model, 0, "Relu", "2x6");
    expect_refused(model, 13, "does not say");
}

static void test_opset_upgrade__training_is_refused(void **state) {
    (void)state;
    struct graph_model *model;
    (void)one_node(&model, 6, "Dropout", "2x6");
    expect_refused(model, 13, "training");
    struct graph_node *node = one_node(&model, 6, "Dropout", "2x6");
    SET(graph_set_integer(node, "is_test", 1));
    assert_int_equal(opset_upgrade(model, 13, &(uint32_t){0}, NULL), STATUS_OK);
    onnx_file_close(model);
    model = test_graph_new(10);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x6");
    node = graph_add_node(&model->main, NULL, "Dropout", &input, 1, 2, SLICE("d"));
    test_graph_output(model, node->outputs[1]);
    expect_refused(model, 13, "mask");
    node = one_node(&model, 8, "BatchNormalization", "2x6");
    SET(graph_set_integer(node, "spatial", 0));
    expect_refused(model, 13, "spatial");
    (void)one_node(&model, 6, "BatchNormalization", "2x6");
    expect_refused(model, 13, "training");
}

/* A node that normalises, with outputs that only training has. */
static struct graph_node *normalised(int opset, struct graph_model **out_model) {
    struct graph_model *model = test_graph_new(opset);
    struct graph_value *inputs[5] = {test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x3x3")};
    for (size_t i = 1; i < 5; i++) {
        inputs[i] = FLOATS(model, "2", 0.5F, (float)i);
    }
    struct graph_node *node =
        graph_add_node(&model->main, NULL, "BatchNormalization", inputs, 5, 5, SLICE("b"));
    SET(graph_set_integer(node, "is_test", 1));
    test_graph_output(model, node->outputs[0]);
    *out_model = model;
    return node;
}

static void test_opset_upgrade__outputs_of_training_go_where_nobody_needs_them(void **state) {
    (void)state;
    struct graph_model *model;
    struct graph_node *node = normalised(6, &model);
    assert_int_equal(opset_upgrade(model, 13, &(uint32_t){0}, NULL), STATUS_OK);
    assert_int_equal(node->output_count, 1);
    onnx_file_close(model);
    node = normalised(6, &model);
    test_graph_output(model, node->outputs[1]);
    expect_refused(model, 13, "(BatchNormalization)");
    node = normalised(9, &model);
    assert_int_equal(opset_upgrade(model, 14, &(uint32_t){0}, NULL), STATUS_OK);
    assert_int_equal(node->output_count, 1);
    onnx_file_close(model);
    node = normalised(9, &model);
    test_graph_output(model, node->outputs[1]);
    expect_refused(model, 14, "(BatchNormalization)");
}

static void test_opset_upgrade__what_lost_its_meaning_is_refused(void **state) {
    (void)state;
    struct graph_model *model;
    (void)one_node(&model, 8, "Scan", "2x6");
    expect_refused(model, 13, "(Scan)");
    (void)one_node(&model, 5, "Tile", "2x6");
    expect_refused(model, 13, "(Tile)");
    struct graph_node *node = one_node(&model, 11, "Resize", "2x6");
    SET(graph_set_text(node, "coordinate_transformation_mode", SLICE("tf_half_pixel_for_nn")));
    expect_refused(model, 13, "(Resize)");
    node = one_node(&model, 10, "Clip", "2x6");
    node->op = SLICE("Alien");
    node->domain = SLICE("elsewhere");
    struct graph_value *clipped = OP(model, "Clip", node->outputs[0]);
    SET(graph_set_number(clipped->producer, "max", 1));
    expect_refused(model, 13, "(Clip)"); /* of which type are its bounds? */
}

/* --- bodies, other domains, old files --- */

static void test_opset_upgrade__bodies_are_brought_along(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(11);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x3x4");
    struct graph_value *decides = test_graph_input(model, "c", ELEMENT_BOOLEAN, "");
    struct graph_node *node = OP(model, "If", decides)->producer;
    struct graph *taken = test_graph_body(node, "then_branch");
    struct graph *other = test_graph_body(node, "else_branch");
    (void)test_graph_within(taken, "Softmax", input, NULL, true);
    (void)test_graph_within(other, "Identity", input, NULL, true);
    test_graph_output(model, node->outputs[0]);
    test_graph_expect(model, to_13, 1, 1e-6);
    assert_int_equal(test_graph_count(model, "Flatten"), 1);
    onnx_file_close(model);
}

static void test_opset_upgrade__other_domains_stay_as_they_are(void **state) {
    (void)state;
    struct graph_model *model;
    struct graph_node *node = one_node(&model, 9, "Slice", "2x6"); /* not the standard's */
    uint32_t changes = 1;
    node->domain = SLICE("elsewhere");
    assert_int_equal(opset_upgrade(model, 13, &changes, NULL), STATUS_OK);
    assert_int_equal(changes, 0);
    assert_int_equal(node->input_count, 1);
    assert_int_equal(graph_opset(model), 13);
    onnx_file_close(model);
    (void)one_node(&model, 15, "Squeeze", "2x6");
    assert_int_equal(opset_upgrade(model, 13, &changes, NULL), STATUS_OK);
    assert_int_equal(graph_opset(model), 15); /* none is brought back */
    onnx_file_close(model);
}

static void test_opset_upgrade__weights_are_no_inputs_from_now_on(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(7);
    struct graph_value *input = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x4x5");
    struct graph_value *weights = test_graph_weights(model, "4x5", 3);
    test_graph_output(model, OP(model, "Add", input, weights));
    weights->is_input = true;
    weights->type = test_graph_type(model, ELEMENT_FLOAT32, "4x5");
    assert_true(graph_values_add(model, &model->main.inputs, weights));
    model->ir_version = 3;
    test_graph_expect(model, to_13, 0, 0);
    assert_int_equal(model->ir_version, 7);
    assert_int_equal(model->main.inputs.count, 1);
    onnx_file_close(model);
}

static void test_opset_upgrade__a_body_with_defaults_is_refused(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(11);
    struct graph_value *decides = test_graph_input(model, "c", ELEMENT_BOOLEAN, "");
    struct graph *body = test_graph_body(OP(model, "If", decides)->producer, "then_branch");
    struct graph_value *weights = FLOATS(model, "1", 1);
    weights->is_input = true;
    assert_true(graph_values_add(model, &body->inputs, weights));
    (void)test_graph_within(body, "Identity", weights, NULL, true);
    expect_refused(model, 13, "initializer");
}

static void test_opset_upgrade__no_memory_is_a_status(void **state) {
    (void)state;
    for (long at = 0;; at++) {
        struct graph_model *model = test_graph_new(10);
        struct graph_value *picture = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x5x6");
        struct graph_value *scales = FLOATS(model, "4", 1, 1, 0.6F, 1.7F);
        test_graph_output(model, OP(model, "Softmax", OP(model, "Resize", picture, scales)));
        struct error err = {0};
        uint32_t changes = 0;
        (void)memory_fail_at(at, 1);
        const status code = opset_upgrade(model, 13, &changes, &err);
        (void)memory_fail_at(-1, 0);
        onnx_file_close(model);
        if (code == STATUS_OK) {
            break;
        }
        assert_int_equal(code, STATUS_NO_MEMORY);
        assert_true(strlen(err.text) > 0);
    }
}

/* --- real models --- */

/* What the file answers to a picture before and after, in dB. */
static void expect_file(const char *path, const char *shape, double least_db) {
    struct graph_model *model = NULL;
    struct error err = {0};
    uint32_t changes = 0;
    if (access(path, R_OK) != 0) {
        print_message("# %s is not here: tools/fetch-npm fetches it\n", path);
        skip();
    }
    assert_int_equal(onnx_file_open(path, &model, &err), STATUS_OK);
    struct graph_value *input = graph_model_input(model, SLICE("x"));
    assert_non_null(input);
    input->type = test_graph_type(model, ELEMENT_FLOAT32, shape);
    input->origin = NULL; /* what the file says of it */
    struct test_answer before = test_graph_run(model, 1);
    if (opset_upgrade(model, 13, &changes, &err) != STATUS_OK) {
        fail_msg("%s: %s", path, err.text);
    }
    struct test_answer after = test_graph_run(model, 1);
    double signal = 0;
    double noise = 0;
    assert_int_equal(before.count, after.count);
    for (size_t i = 0; i < before.count; i++) {
        signal += before.numbers[i] * before.numbers[i];
        noise += (before.numbers[i] - after.numbers[i]) * (before.numbers[i] - after.numbers[i]);
    }
    const double db = noise > 0 ? 10 * log10(signal / noise) : 999;
    print_message("# %s: %u nodes rewritten, %.1f dB\n", path, changes, db);
    assert_true(db >= least_db);
    memory_free(before.numbers);
    memory_free(after.numbers);
    onnx_file_close(model);
}

static void test_opset_upgrade__the_recogniser_answers_as_before(void **state) {
    (void)state;
    expect_file("build/data/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx", "1x3x48x320", 120);
}

static void test_opset_upgrade__the_detector_answers_as_before(void **state) {
    (void)state;
    expect_file("build/data/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx", "1x3x160x256", 120);
}

int main(void) {
    if (!test_model_can_run()) {
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opset_upgrade__an_operator_that_no_table_knows_is_refused),
        cmocka_unit_test(test_opset_upgrade__training_is_refused),
        cmocka_unit_test(test_opset_upgrade__outputs_of_training_go_where_nobody_needs_them),
        cmocka_unit_test(test_opset_upgrade__what_lost_its_meaning_is_refused),
        cmocka_unit_test(test_opset_upgrade__bodies_are_brought_along),
        cmocka_unit_test(test_opset_upgrade__other_domains_stay_as_they_are),
        cmocka_unit_test(test_opset_upgrade__weights_are_no_inputs_from_now_on),
        cmocka_unit_test(test_opset_upgrade__a_body_with_defaults_is_refused),
        cmocka_unit_test(test_opset_upgrade__no_memory_is_a_status),
        cmocka_unit_test(test_opset_upgrade__the_recogniser_answers_as_before),
        cmocka_unit_test(test_opset_upgrade__the_detector_answers_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
