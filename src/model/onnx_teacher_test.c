// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_teacher.h"

#include <math.h>

#include "base/memory.h"
#include "model/image_student.h"
#include "model/onnx_file.h"
#include "model/onnx_outline.h"
#include "model/student_file.h"
#include "platform/test_model.h"

static const struct picture_shape UNKNOWN = {0};
static char folder[256];
static char path[300];

static int set_up(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        return 0;
    }
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/ebb-teacher-XXXXXX", above != NULL ? above : "/tmp");
    (void)snprintf(path, sizeof(path), "%s/teacher.onnx", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}

static void need_library(void) {
    if (folder[0] == '\0') {
        (void)test_model_can_run(); /* says why */
        skip();
    }
}

static struct slice floats(const float *numbers, size_t count) {
    return (struct slice){.bytes = (const char *)numbers, .count = count * sizeof(*numbers)};
}

/* `numbers` numbers, of which number 0 is pixel `seen` of 12, and the others are 0; the pixels come
 * as `type` in the shape. */
static void write_picker(int type, const char *shape, size_t seen, const char *weights_shape) {
    struct test_model model;
    float weights[24] = {0};
    weights[2 * seen] = 1;
    test_model_begin(&model);
    test_model_input(&model, "x", type, shape);
    test_model_output(&model, "y", ONNX_FLOAT, "?x?");
    test_model_constant(&model, "w", ONNX_FLOAT, weights_shape, floats(weights, 24));
    test_model_node_with(&model, "Cast", "x", "c", "to", ONNX_FLOAT);
    test_model_node(&model, "Flatten", "c", "f");
    test_model_node(&model, "MatMul", "f w", "y");
    test_model_write(&model, path, ONNX_OPSET);
}

static const uint8_t PIXELS[12] = {0, 10, 20, 30, 40, 51, 60, 70, 80, 90, 102, 110};

static float ask_picker(const struct picture_shape *shape) {
    struct error err = {0};
    struct onnx_teacher *teacher = NULL;
    float numbers[2] = {-1, -1};
    if (onnx_teacher_open_image(path, shape, &teacher, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(onnx_teacher_classes(teacher), 2);
    assert_null(onnx_teacher_labels(teacher));
    const struct slice pixels = {.bytes = (const char *)PIXELS, .count = sizeof(PIXELS)};
    assert_int_equal(onnx_teacher_ask_picture(teacher, pixels, numbers, &err), STATUS_OK);
    assert_true(numbers[1] == 0);
    assert_int_equal(onnx_teacher_ask_picture(teacher, slice_part(pixels, 0, 11), numbers, &err),
                     STATUS_INVALID);
    onnx_teacher_close(teacher);
    return numbers[0];
}

static bool is_near(float got, double wanted) {
    return fabs((double)got - wanted) < 1e-6;
}

/* Two channels of 2 x 3: pixel 5 is row 1, column 2 of the first, pixel 10 row 1, column 1 of the
 * second. */
static void test_onnx_teacher__pixels_come_in_the_order_and_type_that_it_takes(void **state) {
    (void)state;
    need_library();
    write_picker(ONNX_FLOAT, "?x2x2x3", 10, "12x2");
    assert_true(is_near(ask_picker(&UNKNOWN), 0.4));
    write_picker(ONNX_UINT8, "1x2x2x3", 10, "12x2");
    assert_true(is_near(ask_picker(&UNKNOWN), 102));
    /* channels last, of a picture with more rows than channels may be: 6 x 1 x 2 */
    write_picker(ONNX_FLOAT, "?x6x1x2", 11, "12x2");
    assert_true(is_near(ask_picker(&UNKNOWN), 110.0 / 255));
    write_picker(ONNX_FLOAT, "?x6x1x2", 10, "12x2");
    assert_true(is_near(ask_picker(&UNKNOWN), 0.2));
    const struct picture_shape known = {.channels = 2, .height = 2, .width = 3};
    write_picker(ONNX_FLOAT, "?x2x?x?", 5, "12x2");
    assert_true(is_near(ask_picker(&known), 0.2));
}

static void test_onnx_teacher__pixels_are_scaled_by_channel(void **state) {
    (void)state;
    need_library();
    const struct teacher_scaling scaling = {.mean = {0, 0.1}, .deviation = {1, 0.5, 1, 1}};
    const struct slice pixels = {.bytes = (const char *)PIXELS, .count = sizeof(PIXELS)};
    struct error err = {0};
    struct onnx_teacher *teacher = NULL;
    float numbers[2];
    write_picker(ONNX_FLOAT, "?x2x2x3", 10, "12x2");
    assert_int_equal(onnx_teacher_open_image(path, &UNKNOWN, &teacher, &err), STATUS_OK);
    onnx_teacher_scale(teacher, &scaling);
    assert_int_equal(onnx_teacher_ask_picture(teacher, pixels, numbers, &err), STATUS_OK);
    assert_true(is_near(numbers[0], (0.4 - 0.1) / 0.5));
    onnx_teacher_close(teacher);
}

static void refuse_image(const char *word) {
    struct error err = {0};
    struct onnx_teacher *teacher = NULL;
    assert_int_equal(onnx_teacher_open_image(path, &UNKNOWN, &teacher, &err), STATUS_INVALID);
    if (strstr(err.text, word) == NULL || strstr(err.text, path) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, word);
    }
}

static void test_onnx_teacher__what_is_no_classifier_of_pictures_is_refused(void **state) {
    (void)state;
    need_library();
    write_picker(ONNX_FLOAT, "?x2x?x3", 0, "12x2");
    refuse_image("height open");
    write_picker(ONNX_FLOAT, "?x2x5000x?", 0, "12x2");
    refuse_image("height is not");
    write_picker(ONNX_FLOAT, "?x12", 0, "12x2");
    refuse_image("2 dimensions");
    write_picker(ONNX_INT32, "?x2x2x3", 0, "12x2");
    refuse_image("int32");
    write_picker(ONNX_FLOAT, "?x2x2x6", 0, "24x1");
    refuse_image("has 1 numbers");

    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1x1x2x2");
    test_model_output(&model, "y", ONNX_INT32, "1x4");
    test_model_node_with(&model, "Cast", "x", "c", "to", ONNX_INT32);
    test_model_node(&model, "Flatten", "c", "y");
    test_model_write(&model, path, ONNX_OPSET);
    refuse_image("none of its outputs");

    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1x1x2x2");
    test_model_input(&model, "z", ONNX_FLOAT, "1x1x2x2");
    test_model_output(&model, "y", ONNX_FLOAT, "1x1x2x2");
    test_model_node(&model, "Add", "x z", "y");
    test_model_write(&model, path, ONNX_OPSET);
    refuse_image("2 inputs");
}

static void write_graph(struct graph_model *graph) {
    struct error err;
    assert_int_equal(onnx_file_write(graph, path, &err), STATUS_OK);
    onnx_file_close(graph);
}

static void test_onnx_teacher__a_student_of_pictures_may_teach(void **state) {
    (void)state;
    need_library();
    static const struct slice LABELS[] = {{"boot", 4}, {"coat", 4}, {"hat", 3}};
    const struct image_form form = {.input = {1, 3, 4}, .classes = 3, .hidden = 4};
    struct error err;
    struct image_student student;
    struct image_pass pass;
    struct picture_set set;
    struct graph_model *graph = NULL;
    struct onnx_teacher *teacher = NULL;
    float wanted[3];
    float got[3];
    assert_int_equal(image_student_init(&student, &form, 2, &err), STATUS_OK);
    assert_int_equal(image_pass_init(&pass, &student, 1, &err), STATUS_OK);
    assert_int_equal(picture_set_init(&set, &form.input, 4096, &err), STATUS_OK);
    assert_int_equal(picture_set_add(&set, PIXELS, 0, &err), STATUS_OK);
    image_student_forward(&student, &pass, &set, (uint32_t[]){0}, 1, wanted);
    assert_int_equal(student_file_of_image(&student, LABELS, &graph, &err), STATUS_OK);
    write_graph(graph);
    assert_int_equal(onnx_teacher_open_image(path, &UNKNOWN, &teacher, &err), STATUS_OK);
    assert_int_equal(onnx_teacher_shape(teacher).width, 4);
    assert_true(slice_is(onnx_teacher_labels(teacher)[2], "hat"));
    const struct slice pixels = {.bytes = (const char *)PIXELS, .count = sizeof(PIXELS)};
    assert_int_equal(onnx_teacher_ask_picture(teacher, pixels, got, &err), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(fabsf(got[i] - wanted[i]) < 1e-5F);
    }
    onnx_teacher_close(teacher);
    image_pass_done(&pass);
    image_student_done(&student);
    picture_set_done(&set);
}

/* A note that names three classes of a model that gives two numbers, and one that names two. */
static void test_onnx_teacher__its_names_are_as_many_as_its_numbers(void **state) {
    (void)state;
    need_library();
    for (int names = 2; names <= 3; names++) {
        struct onnx_outline outline = {
            .name = "short",
            .inputs = {{"x", ELEMENT_FLOAT32, 4, {-1, 2, 1, 1}, "batch"}},
            .input_count = 1,
            .output = {"y", ELEMENT_FLOAT32, 2, {-1, 2}, "batch"},
            .notes = {{STUDENT_NOTE,
                       names == 2 ? "{\"kind\":\"image\",\"labels\":[\"a\",\"b\"],\"channels\":2,"
                                    "\"height\":1,\"width\":1}"
                                  : "{\"kind\":\"image\",\"labels\":[\"a\",\"b\",\"c\"],"
                                    "\"channels\":2,\"height\":1,\"width\":1}"}},
            .note_count = 1};
        struct error err;
        struct graph_model *graph = NULL;
        assert_int_equal(onnx_outline_begin(&outline, &graph, &err), STATUS_OK);
        struct graph_node *flat = graph_add_node(&graph->main, NULL, "Flatten",
                                                 graph->main.inputs.items, 1, 1, SLICE("flat"));
        assert_non_null(flat);
        assert_int_equal(onnx_outline_end(graph, flat->outputs[0], &err), STATUS_OK);
        write_graph(graph);
        struct onnx_teacher *teacher = NULL;
        const status opened = onnx_teacher_open_image(path, &UNKNOWN, &teacher, &err);
        assert_int_equal(opened, names == 2 ? STATUS_OK : STATUS_CORRUPT);
        onnx_teacher_close(teacher);
    }
}

static void test_onnx_teacher__a_student_of_texts_may_teach(void **state) {
    (void)state;
    need_library();
    static const struct slice LABELS[] = {{"ham", 3}, {"spam", 4}};
    static const double SCALE = 0.1;
    static const double BIAS = -0.25;
    static int8_t weights[64];
    struct error err;
    struct buffer bytes;
    struct text_model *model = NULL;
    struct graph_model *graph = NULL;
    struct onnx_teacher *teacher = NULL;
    for (int i = 0; i < 64; i++) {
        weights[i] = (int8_t)(3 * i - 90);
    }
    const struct text_parts parts = {.settings = {.bytes_max = 1024, .pairs = true},
                                     .labels = LABELS,
                                     .labels_count = 2,
                                     .buckets = 64,
                                     .scales = &SCALE,
                                     .biases = &BIAS,
                                     .weights = weights,
                                     .provenance = SLICE("{}")};
    buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
    assert_int_equal(text_model_write(&parts, &bytes, &err), STATUS_OK);
    assert_int_equal(text_model_read(buffer_slice(&bytes), &model, &err), STATUS_OK);
    assert_int_equal(student_file_of_text(model, &graph, &err), STATUS_OK);
    write_graph(graph);
    if (onnx_teacher_open_text(path, &teacher, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(onnx_teacher_classes(teacher), 2);
    assert_true(slice_is(onnx_teacher_labels(teacher)[1], "spam"));
    static const char *const TEXTS[] = {"free money now", "see you at noon", ""};
    void *scratch = memory_new(1, text_model_scratch_bytes(model));
    for (size_t i = 0; i < 3; i++) {
        const struct slice text = slice_of(TEXTS[i]);
        float numbers[2];
        double chances[2];
        (void)text_model_ask(model, text, scratch, chances);
        assert_int_equal(onnx_teacher_ask_text(teacher, text, numbers, &err), STATUS_OK);
        const double odds = log(chances[1] / chances[0]);
        assert_true(fabs((double)numbers[1] - (double)numbers[0] - odds) < 1e-4);
    }
    memory_free(scratch);
    onnx_teacher_close(teacher);
    text_model_close(model);
    buffer_done(&bytes);
}

static void test_onnx_teacher__a_text_needs_a_note(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    struct onnx_teacher *teacher = NULL;
    write_picker(ONNX_FLOAT, "?x2x2x3", 0, "12x2");
    assert_int_equal(onnx_teacher_open_text(path, &teacher, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, STUDENT_NOTE));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(onnx_teacher_open_text(path, &teacher, &err), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_onnx_teacher__pixels_come_in_the_order_and_type_that_it_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_onnx_teacher__pixels_are_scaled_by_channel, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_onnx_teacher__what_is_no_classifier_of_pictures_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_onnx_teacher__a_student_of_pictures_may_teach, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_onnx_teacher__its_names_are_as_many_as_its_numbers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_onnx_teacher__a_student_of_texts_may_teach, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_onnx_teacher__a_text_needs_a_note, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
