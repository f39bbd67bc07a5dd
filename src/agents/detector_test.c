// SPDX-License-Identifier: Apache-2.0
#include "agents/detector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/number_tensor.h"
#include "base/float16.h"
#include "base/memory.h"

enum { ARENA_BYTES = 1 << 20, OUTPUTS_MAX = 4 };

/* A picture of 200 x 100 in a tensor of 100 x 100: 50 rows in the middle, two pixels to one. */
static const struct picture_fit FIT = {.picture_width = 200,
                                       .picture_height = 100,
                                       .width = 100,
                                       .height = 100,
                                       .part_width = 1,
                                       .part_height = 1,
                                       .area_y = 25,
                                       .area_width = 100,
                                       .area_height = 50};

/* Outputs of a model and what a detector says of them. */
struct trial {
    struct arena arena;
    struct tensor outputs[OUTPUTS_MAX];
    const char *names[OUTPUTS_MAX];
    uint32_t count;
    struct detector_after after;
    struct value objects;
    struct error err;
};

static void trial_init(struct trial *trial, enum detector_decode decode) {
    *trial = (struct trial){0};
    arena_init(&trial->arena, ARENA_BYTES);
    detector_after_init(&trial->after, decode);
}

static void trial_done(struct trial *trial) {
    arena_done(&trial->arena);
}

/* Another output, all zeroes. */
static float *add(struct trial *trial, const char *name, uint32_t rank, const int64_t *shape) {
    struct tensor *tensor = &trial->outputs[trial->count];
    size_t count;
    *tensor = (struct tensor){.rank = rank};
    (void)memcpy(tensor->shape, shape, rank * sizeof(*shape));
    assert_true(tensor_count(tensor->type, shape, rank, &count));
    tensor->byte_count = count * sizeof(float);
    tensor->bytes = arena_get(&trial->arena, count, sizeof(float));
    assert_non_null(tensor->bytes);
    trial->names[trial->count++] = name;
    return tensor->bytes;
}

static float *add3(struct trial *trial, const char *name, int64_t rows, int64_t columns) {
    return add(trial, name, 3, (const int64_t[]){1, rows, columns});
}

static float *add_maps(struct trial *trial, const char *name, int64_t channels, int64_t side) {
    return add(trial, name, 4, (const int64_t[]){1, channels, side, side});
}

static status decode_least(struct trial *trial, double least) {
    const struct detector_look look = {.outputs = trial->outputs,
                                       .names = trial->names,
                                       .count = trial->count,
                                       .fit = &FIT,
                                       .score_least = least};
    trial->err = (struct error){0};
    return detector_decode(&trial->after, &look, &trial->arena, &trial->objects, &trial->err);
}

static void decode(struct trial *trial) {
    if (decode_least(trial, -1) != STATUS_OK) {
        fail_msg("%s", trial->err.text);
    }
}

static void check_refused(struct trial *trial, const char *sentence) {
    assert_int_equal(decode_least(trial, -1), STATUS_INVALID);
    assert_string_equal(trial->err.text, sentence);
}

static void set(float *to, const float *numbers, size_t count) {
    (void)memcpy(to, numbers, count * sizeof(*numbers));
}

static double number_of(struct value list, uint32_t index) {
    assert_true(list.kind == VALUE_LIST && index < list.count);
    return value_number(list.items[index]);
}

#define BOX(x, y, width, height) ((const double[]){x, y, width, height})

/* Object `index` is this one; its box is in pixels of the tensor. */
static void check(const struct trial *trial, uint32_t index, const char *label, double score,
                  const double *wanted) {
    assert_true(index < trial->objects.count);
    const struct value object = trial->objects.items[index];
    const struct value box = *value_get(object, SLICE("box"));
    assert_true(slice_is(value_text(*value_get(object, SLICE("label"))), label));
    assert_true(fabs(value_number(*value_get(object, SLICE("score"))) - score) < 2e-5);
    assert_true(fabs(number_of(box, 0) - wanted[0] / 100) < 2e-5);
    assert_true(fabs(number_of(box, 1) - (wanted[1] - 25) / 50) < 2e-5);
    assert_true(fabs(number_of(box, 2) - wanted[2] / 100) < 2e-5);
    assert_true(fabs(number_of(box, 3) - wanted[3] / 50) < 2e-5);
}

static double sigmoid(double number) {
    return 1 / (1 + exp(-number));
}

static const struct slice ANIMALS[] = {{"cat", 3}, {"dog", 3}, {"owl", 3}};

static void name_animals(struct trial *trial) {
    trial->after.labels = (struct labels){.names = ANIMALS, .count = 3};
}

/* --- blazeface --- */

static void add_faces(struct trial *trial) {
    float *scores = add3(trial, "a", 512, 1);
    float *more_scores = add3(trial, "b", 384, 1);
    float *boxes = add3(trial, "c", 512, 16);
    float *more_boxes = add3(trial, "d", 384, 16);
    for (int i = 0; i < 512; i++) {
        scores[i] = -10;
    }
    for (int i = 0; i < 384; i++) {
        more_scores[i] = -1000;
    }
    /* Row 5, column 3 of 16 x 16, the second anchor: its centre is (21.875, 34.375). */
    scores[(5 * 16 + 3) * 2 + 1] = 2;
    set(boxes + ((5 * 16 + 3) * 2 + 1) * 16, (const float[]){1, 2, 10, 8, -3, 4}, 6);
    /* Row 4, column 6 of 8 x 8, the fourth of six: its centre is (81.25, 56.25). */
    more_scores[(4 * 8 + 6) * 6 + 3] = 3;
    set(more_boxes + ((4 * 8 + 6) * 6 + 3) * 16, (const float[]){0, 0, 20, 20}, 4);
    more_scores[(4 * 8 + 6) * 6 + 4] = 2.5f; /* nearly the same again */
    set(more_boxes + ((4 * 8 + 6) * 6 + 4) * 16, (const float[]){1, 0, 20, 20}, 4);
}

static void test_detector__blazeface_counts_from_the_centres_of_cells(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BLAZEFACE);
    static const struct slice face[] = {{"face", 4}};
    trial.after.labels = (struct labels){.names = face, .count = 1};
    add_faces(&trial);
    decode(&trial);
    assert_int_equal(trial.objects.count, 2);
    check(&trial, 0, "face", sigmoid(3), BOX(71.25, 46.25, 20, 20));
    check(&trial, 1, "face", sigmoid(2), BOX(22.875 - 5, 36.375 - 4, 10, 8));
    const struct value points = *value_get(trial.objects.items[1], SLICE("points"));
    assert_int_equal(points.count, 6);
    assert_true(fabs(number_of(points.items[0], 0) - (21.875 - 3) / 100) < 2e-5);
    assert_true(fabs(number_of(points.items[0], 1) - (34.375 + 4 - 25) / 50) < 2e-5);
}

static void test_detector__blazeface_says_when_the_grids_are_others(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BLAZEFACE);
    add_faces(&trial);
    trial.after.grid_count = 1;
    check_refused(&trial, "the model has 896 boxes and 896 scores, and the `grids` 512 anchors");
}

/* --- yolo8 --- */

static void add_animals(float *numbers, int boxes, int step_of_number, int step_of_box) {
    static const float rows[][7] = {{50, 50, 20, 10, 0.1f, 0.9f, 0.2f},
                                    {52, 50, 20, 10, 0.1f, 0.8f, 0.2f},
                                    {20, 40, 10, 10, 0.7f, 0.1f, 0.2f},
                                    {90, 70, 40, 40, 0.1f, 0.1f, 0.26f}};
    assert_true(boxes >= 4);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 7; k++) {
            numbers[k * step_of_number + i * step_of_box] = rows[i][k];
        }
    }
}

static void check_animals(struct trial *trial) {
    decode(trial);
    assert_int_equal(trial->objects.count, 3);
    check(trial, 0, "dog", 0.9, BOX(40, 45, 20, 10));
    check(trial, 1, "cat", 0.7, BOX(15, 35, 10, 10));
    check(trial, 2, "owl", 0.26, BOX(70, 50, 30, 25)); /* cut to the picture */
}

static void test_detector__yolo8_is_read_in_either_order(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_YOLO8);
    name_animals(&trial);
    add_animals(add3(&trial, "out", 7, 30), 30, 30, 1);
    check_animals(&trial);
    trial.count = 0;
    add_animals(add3(&trial, "out", 30, 7), 30, 1, 7);
    check_animals(&trial);
    trial.count = 0; /* fewer boxes than numbers: the labels tell the axes apart */
    add_animals(add3(&trial, "out", 7, 5), 5, 5, 1);
    check_animals(&trial);
}

static void test_detector__keeps_what_is_wanted_and_no_more(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_YOLO8);
    name_animals(&trial);
    add_animals(add3(&trial, "out", 7, 30), 30, 30, 1);
    static const bool kept[] = {true, false, true};
    trial.after.kept = kept;
    decode(&trial);
    assert_int_equal(trial.objects.count, 2);
    check(&trial, 0, "cat", 0.7, BOX(15, 35, 10, 10));
    trial.after.most = 1;
    decode(&trial);
    assert_int_equal(trial.objects.count, 1);
    assert_int_equal(decode_least(&trial, 0.75), STATUS_OK);
    assert_int_equal(trial.objects.count, 0);
    trial.after.kept = NULL;
    trial.after.labels.count = 0;
    decode(&trial);
    check(&trial, 0, "1", 0.9, BOX(40, 45, 20, 10));
}

static void test_detector__yolo8_says_when_the_labels_are_others(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_YOLO8);
    name_animals(&trial);
    (void)add3(&trial, "out", 84, 30);
    check_refused(&trial, "output 'out' of the model is tensor/float32; shape=1x84x30: with four "
                          "numbers for a box and one for each label it has another shape");
}

static void test_detector__reads_outputs_of_half_precision(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_YOLO8);
    name_animals(&trial);
    float *numbers = add3(&trial, "out", 7, 30);
    add_animals(numbers, 30, 30, 1);
    uint16_t *halves = arena_get(&trial.arena, 210, sizeof(*halves));
    assert_non_null(halves);
    for (int i = 0; i < 210; i++) {
        halves[i] = float16_from_float(numbers[i]);
    }
    trial.outputs[0].type = TENSOR_FLOAT16;
    trial.outputs[0].bytes = halves;
    trial.outputs[0].byte_count /= 2;
    decode(&trial);
    assert_int_equal(trial.objects.count, 3);
    check(&trial, 0, "dog", (double)float16_to_float(float16_from_float(0.9f)),
          BOX(40, 45, 20, 10));
}

/* --- ssd --- */

static void test_detector__ssd_takes_boxes_as_they_are(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_SSD);
    name_animals(&trial);
    float *scores = add3(&trial, "scores", 10, 4);
    float *boxes = add3(&trial, "boxes", 10, 4);
    set(scores + 2 * 4, (const float[]){0.2f, 0.1f, 0.1f, 0.6f}, 4);
    set(boxes + 2 * 4, (const float[]){0.1f, 0.3f, 0.4f, 0.7f}, 4);
    set(scores + 5 * 4, (const float[]){0.9f, 0.1f, 0, 0}, 4); /* nothing, very likely */
    set(boxes + 5 * 4, (const float[]){0, 0, 1, 1}, 4);
    trial.after.parts[DETECTOR_PART_BOXES] =
        (struct detector_names){(const struct slice[]){{"boxes", 5}}, 1};
    trial.after.parts[DETECTOR_PART_SCORES] =
        (struct detector_names){(const struct slice[]){{"scores", 6}}, 1};
    decode(&trial);
    assert_int_equal(trial.objects.count, 1);
    check(&trial, 0, "owl", 0.6, BOX(10, 30, 30, 40));
}

static void test_detector__ssd_counts_from_anchors(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_SSD);
    name_animals(&trial);
    float *boxes = add3(&trial, "boxes", 2, 4);
    float *scores = add3(&trial, "scores", 2, 4);
    static const float anchors[] = {0, 0, 0.1f, 0.1f, 0.5f, 0.5f, 0.2f, 0.4f};
    trial.after.anchors = anchors;
    trial.after.anchor_count = 2;
    trial.after.scores = DETECTOR_SOFTMAX;
    set(boxes + 4, (const float[]){1, -1, 2, 0}, 4);
    set(scores + 4, (const float[]){1, 4, 2, 0}, 4);
    decode(&trial);
    assert_int_equal(trial.objects.count, 1);
    const double width = 0.2 * exp(2 * 0.2) * 100;
    const double chance = exp(4) / (exp(1) + exp(4) + exp(2) + exp(0));
    check(&trial, 0, "cat", chance, BOX(52 - width / 2, 46 - 20, width, 40));
    trial.after.anchor_count = 3;
    check_refused(&trial, "the model has 2 boxes, and there are 3 anchors");
}

/* --- centre --- */

static void test_detector__centre_finds_the_peaks_of_its_map(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_CENTRE);
    name_animals(&trial);
    trial.after.scores = DETECTOR_CHANCES;
    float *heat = add_maps(&trial, "heat", 3, 20); /* a cell is five pixels */
    float *sizes = add_maps(&trial, "size", 2, 20);
    float *offsets = add_maps(&trial, "offset", 2, 20);
    const int at = 10 * 20 + 4;
    heat[400 + at] = 0.8f; /* the second class */
    heat[400 + at + 1] = 0.7f;
    heat[400 + at - 20] = 0.8f; /* as high, and before it */
    sizes[at - 20] = 4;
    sizes[400 + at - 20] = 2;
    offsets[at - 20] = 0.25f;
    offsets[400 + at - 20] = 0.75f;
    decode(&trial);
    assert_int_equal(trial.objects.count, 1);
    check(&trial, 0, "dog", 0.8, BOX(4.25 * 5 - 10, 9.75 * 5 - 5, 20, 10));
    trial.after.units = DETECTOR_PIXELS;
    trial.count = 2; /* without offsets the middle of the cell is meant */
    decode(&trial);
    check(&trial, 0, "dog", 0.8, BOX(4.5 * 5 - 2, 9.5 * 5 - 1, 4, 2));
}

/* --- boxes --- */

static void test_detector__boxes_are_taken_as_the_model_gives_them(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BOXES);
    name_animals(&trial);
    trial.after.form = DETECTOR_YXYX;
    trial.after.units = DETECTOR_FRACTIONS;
    trial.after.background = true;
    float *boxes = add3(&trial, "detection_boxes", 3, 4);
    float *classes = add(&trial, "detection_classes", 2, (const int64_t[]){1, 3});
    float *scores = add(&trial, "detection_scores", 2, (const int64_t[]){1, 3});
    add(&trial, "num_detections", 1, (const int64_t[]){1})[0] = 2;
    set(boxes, (const float[]){0.3f, 0.1f, 0.5f, 0.4f, 0.3f, 0.1f, 0.5f, 0.4f}, 8);
    set(classes, (const float[]){3, 1, 0}, 3);
    set(scores, (const float[]){0.6f, 0.9f, 0.99f}, 3);
    decode(&trial);
    assert_int_equal(trial.objects.count, 2);
    check(&trial, 0, "cat", 0.9, BOX(10, 30, 30, 20));
    check(&trial, 1, "owl", 0.6, BOX(10, 30, 30, 20));
}

static void test_detector__outputs_of_whole_numbers_are_classes(void **state) {
    (void)state;
    const enum tensor_type types[] = {TENSOR_INT32, TENSOR_INT64, TENSOR_UINT32, TENSOR_UINT64};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        CLEANUP(trial_done) struct trial trial;
        trial_init(&trial, DETECTOR_BOXES);
        name_animals(&trial);
        set(add3(&trial, "a", 2, 4), (const float[]){10, 30, 30, 60, 50, 30, 70, 60}, 8);
        add(&trial, "b", 2, (const int64_t[]){1, 4}); /* room for two of eight bytes */
        set(add(&trial, "c", 2, (const int64_t[]){1, 2}), (const float[]){0.9f, 0.6f}, 2);
        struct tensor *classes = &trial.outputs[1];
        classes->type = types[i];
        classes->shape[1] = 2;
        classes->byte_count = 2 * tensor_type_bytes(types[i]);
        assert_true(number_tensor_put(classes, 0, 2));
        assert_true(number_tensor_put(classes, 1, 0));
        decode(&trial);
        assert_int_equal(trial.objects.count, 2);
        check(&trial, 0, "owl", (double)0.9f, BOX(10, 30, 20, 30));
        check(&trial, 1, "cat", (double)0.6f, BOX(50, 30, 20, 30));
    }
}

static void test_detector__boxes_may_come_as_rows_of_six(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BOXES);
    name_animals(&trial);
    float *rows = add3(&trial, "out", 300, 6);
    set(rows + 6, (const float[]){10, 30, 30, 60, 0.75f, 2}, 6);
    decode(&trial);
    assert_int_equal(trial.objects.count, 1);
    check(&trial, 0, "owl", 0.75, BOX(10, 30, 20, 30));
}

static void test_detector__an_output_that_is_not_there_is_named(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BOXES);
    check_refused(&trial, "the model has no output with boxes");
    (void)add3(&trial, "b", 3, 4);
    check_refused(&trial, "the model has no output with scores");
    trial.after.parts[DETECTOR_PART_BOXES] =
        (struct detector_names){(const struct slice[]){{"boxes", 5}}, 1};
    check_refused(&trial, "the model has no output 'boxes' for boxes");
}

static void test_detector__what_is_no_number_is_refused(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_YOLO8);
    float *numbers = add3(&trial, "out", 7, 31);
    char sentence[128];
    for (int i = 0; i < 7 * 31; i++) {
        numbers[i] = i % 2 == 0 ? NAN : INFINITY;
        (void)snprintf(sentence, sizeof(sentence),
                       "the model's output 'out' is no number (NaN or infinite) at %d of 217", i);
        check_refused(&trial, sentence);
        numbers[i] = 0;
    }
}

static void test_detector__what_lies_outside_of_the_picture_is_left_out(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BOXES);
    float *rows = add3(&trial, "out", 3, 6);
    set(rows, (const float[]){10, 2, 30, 20, 0.9f, 0}, 6); /* in the margin above */
    set(rows + 6, (const float[]){10, 20, 30, 30, 0.8f, 0}, 6);
    decode(&trial);
    assert_int_equal(trial.objects.count, 1);
    check(&trial, 0, "0", 0.8, BOX(10, 25, 20, 5));
}

static void test_detector__without_memory_says_so(void **state) {
    (void)state;
    CLEANUP(trial_done) struct trial trial;
    trial_init(&trial, DETECTOR_BLAZEFACE);
    add_faces(&trial);
    status code = STATUS_NO_MEMORY;
    long index = 0;
    for (; code == STATUS_NO_MEMORY; index++) {
        (void)memory_fail_at(index, 0);
        code = decode_least(&trial, -1);
        (void)memory_fail_at(-1, 0);
    }
    assert_int_equal(code, STATUS_OK);
    assert_true(index > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detector__blazeface_counts_from_the_centres_of_cells),
        cmocka_unit_test(test_detector__blazeface_says_when_the_grids_are_others),
        cmocka_unit_test(test_detector__yolo8_is_read_in_either_order),
        cmocka_unit_test(test_detector__keeps_what_is_wanted_and_no_more),
        cmocka_unit_test(test_detector__yolo8_says_when_the_labels_are_others),
        cmocka_unit_test(test_detector__reads_outputs_of_half_precision),
        cmocka_unit_test(test_detector__ssd_takes_boxes_as_they_are),
        cmocka_unit_test(test_detector__ssd_counts_from_anchors),
        cmocka_unit_test(test_detector__centre_finds_the_peaks_of_its_map),
        cmocka_unit_test(test_detector__boxes_are_taken_as_the_model_gives_them),
        cmocka_unit_test(test_detector__outputs_of_whole_numbers_are_classes),
        cmocka_unit_test(test_detector__boxes_may_come_as_rows_of_six),
        cmocka_unit_test(test_detector__an_output_that_is_not_there_is_named),
        cmocka_unit_test(test_detector__what_is_no_number_is_refused),
        cmocka_unit_test(test_detector__what_lies_outside_of_the_picture_is_left_out),
        cmocka_unit_test(test_detector__without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
