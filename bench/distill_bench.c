// SPDX-License-Identifier: Apache-2.0
/*
 * distill_bench: teachers, a student that has no teacher, and judges, for bench/models/distill.
 *
 *   distill_bench teach-image IMAGES LABELS PASSES OUT   a large network, from all labels
 *   distill_bench teach-text FOLDER OUT                  a large text model, from all labels
 *   distill_bench labels-alone IMAGES LABELS PASSES BYTES OUT
 *                                                        what a student learns without a teacher
 *   distill_bench judge-image STUDENT TEACHER IMAGES LABELS
 *   distill_bench judge-text STUDENT TEACHER FOLDER      both in ONNX Runtime, on what is new
 *
 * IMAGES and LABELS are IDX files. Models are ONNX files. A judge prints "examples N student A
 * teacher B agreement C", shares from 0 to 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/distill_image.h"
#include "model/distill_loss.h"
#include "model/onnx_file.h"
#include "model/onnx_teacher.h"
#include "model/student_file.h"
#include "model/text_examples.h"
#include "model/train.h"

enum { SET_BYTES_MAX = 512 << 20, TEACHER_BYTES = 4 << 20, GRAPH_BYTES = 3 * 1024 };

static int complain(const struct error *err) {
    (void)fprintf(stderr, "distill_bench: %s\n", err->text);
    return status_exit_code(err->code);
}

static status write_graph(status made, struct graph_model *graph, const char *path,
                          struct error *err) {
    const status done = made == STATUS_OK ? onnx_file_write(graph, path, err) : made;
    onnx_file_close(graph);
    return done;
}

/* --- teaching --- */

/* From labels alone, of pictures that have one. */
static status learn_labels(const struct picture_set *set, const struct image_form *form,
                           uint32_t passes, const char *path, struct error *err) {
    struct distill_options options;
    struct distill_report report;
    struct image_student student;
    struct graph_model *graph = NULL;
    struct slice names[PICTURE_LABELS_MAX];
    static char texts[PICTURE_LABELS_MAX][8];
    distill_options_init(&options);
    options.passes = passes;
    options.temperature = 1;
    options.share = 0;
    for (uint32_t i = 0; i < form->classes; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%u", i);
        names[i] = slice_of(texts[i]);
    }
    const struct distill_lesson lesson = {.set = set, .classes = form->classes};
    TRY(distill_image(&lesson, form, &options, &student, &report, err));
    const status made = student_file_of_image(&student, names, &graph, err);
    (void)printf("examples %zu weights %zu held-back %.4f\n", set->count, student.weights_count,
                 report.chosen.right);
    image_student_done(&student);
    return write_graph(made, graph, path, err);
}

static uint32_t classes_of(const struct picture_set *set) {
    int16_t most = 1;
    for (size_t i = 0; i < set->count; i++) {
        most = set->labels[i] > most ? set->labels[i] : most;
    }
    return (uint32_t)most + 1;
}

/* Drops the pictures that have no label. */
static void keep_labelled(struct picture_set *set) {
    const size_t bytes = picture_bytes(&set->shape);
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->labels[i] != PICTURE_NO_LABEL) {
            (void)memmove(set->pixels + kept * bytes, set->pixels + i * bytes, bytes);
            set->labels[kept++] = set->labels[i];
        }
    }
    set->count = kept;
}

static status teach_image(char **words, struct error *err) {
    struct picture_set set;
    TRY(picture_set_read_idx(words[0], words[1], SET_BYTES_MAX, &set, err));
    const struct image_form form = {
        .input = set.shape, .classes = classes_of(&set), .filters = {24, 48}, .hidden = 128};
    const uint32_t passes = (uint32_t)strtoul(words[2], NULL, 10);
    const status done = learn_labels(&set, &form, passes, words[3], err);
    picture_set_done(&set);
    return done;
}

static status labels_alone(char **words, struct error *err) {
    struct picture_set set;
    struct image_form form;
    TRY(picture_set_read_idx(words[0], words[1], SET_BYTES_MAX, &set, err));
    keep_labelled(&set);
    const size_t bytes = strtoul(words[3], NULL, 10);
    const uint32_t passes = (uint32_t)strtoul(words[2], NULL, 10);
    const status done = image_form_choose(&set.shape, classes_of(&set), bytes - GRAPH_BYTES, &form)
                            ? learn_labels(&set, &form, passes, words[4], err)
                            : fail(err, STATUS_INVALID, "no student fits %zu bytes", bytes);
    picture_set_done(&set);
    return done;
}

static status teach_text(char **words, struct error *err) {
    struct train_options options;
    train_options_init(&options);
    options.model_bytes_max = TEACHER_BYTES;
    struct train_report report;
    struct text_model *model = NULL;
    struct graph_model *graph = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
    TRY(train_text(words[0], &options, &bytes, &report, err));
    TRY(text_model_read(buffer_slice(&bytes), &model, err));
    const status made = student_file_of_text(model, &graph, err);
    (void)printf("examples %u bytes %zu held-back %.4f\n", report.texts, bytes.count,
                 report.accuracy);
    text_model_close(model);
    return write_graph(made, graph, words[1], err);
}

/* --- judging --- */

struct judged {
    uint64_t examples, student, teacher, agreed;
};

static void count(struct judged *judged, uint32_t student, uint32_t teacher, int64_t truth) {
    judged->examples++;
    judged->student += student == truth;
    judged->teacher += teacher == truth;
    judged->agreed += student == teacher;
}

static void print_judged(const struct judged *judged) {
    const double all = (double)judged->examples;
    (void)printf("examples %" PRIu64 " student %.4f teacher %.4f agreement %.4f\n",
                 judged->examples, (double)judged->student / all, (double)judged->teacher / all,
                 (double)judged->agreed / all);
}

static status judge_image(char **words, struct error *err) {
    struct picture_set set;
    struct onnx_teacher *both[2] = {0};
    struct judged judged = {0};
    TRY(picture_set_read_idx(words[2], words[3], SET_BYTES_MAX, &set, err));
    for (int i = 0; i < 2; i++) {
        TRY(onnx_teacher_open_image(words[i], &set.shape, &both[i], err));
    }
    const size_t bytes = picture_bytes(&set.shape);
    for (size_t i = 0; i < set.count; i++) {
        const struct slice pixels = {.bytes = (const char *)set.pixels + i * bytes, .count = bytes};
        uint32_t said[2];
        for (int k = 0; k < 2; k++) {
            float numbers[PICTURE_LABELS_MAX];
            TRY(onnx_teacher_ask_picture(both[k], pixels, numbers, err));
            said[k] = distill_best(numbers, onnx_teacher_classes(both[k]));
        }
        count(&judged, said[0], said[1], set.labels[i]);
    }
    print_judged(&judged);
    onnx_teacher_close(both[0]);
    onnx_teacher_close(both[1]);
    picture_set_done(&set);
    return STATUS_OK;
}

static int64_t find_label(const struct onnx_teacher *teacher, struct slice label) {
    const struct slice *labels = onnx_teacher_labels(teacher);
    for (uint32_t i = 0; i < onnx_teacher_classes(teacher); i++) {
        if (slice_equal(labels[i], label)) {
            return i;
        }
    }
    return -1;
}

static status judge_text(char **words, struct error *err) {
    struct text_examples *examples = NULL;
    struct onnx_teacher *both[2] = {0};
    struct judged judged = {0};
    for (int i = 0; i < 2; i++) {
        TRY(onnx_teacher_open_text(words[i], &both[i], err));
    }
    TRY(text_examples_open(words[2], &examples, err));
    bool more = true;
    while (true) {
        struct text_example example = {0};
        uint32_t said[2];
        TRY(text_examples_next(examples, TEXT_BYTES_MAX, &example, &more, err));
        if (!more) {
            break;
        }
        for (int k = 0; k < 2; k++) {
            float numbers[PICTURE_LABELS_MAX];
            TRY(onnx_teacher_ask_text(both[k], example.text, numbers, err));
            said[k] = distill_best(numbers, onnx_teacher_classes(both[k]));
        }
        count(&judged, said[0], said[1], find_label(both[1], example.label));
    }
    print_judged(&judged);
    text_examples_close(examples);
    onnx_teacher_close(both[0]);
    onnx_teacher_close(both[1]);
    return STATUS_OK;
}

int main(int count_of_words, char **words) {
    static const struct {
        const char *name;
        int words;
        status (*run)(char **words, struct error *err);
    } JOBS[] = {{"teach-image", 4, teach_image},
                {"teach-text", 2, teach_text},
                {"labels-alone", 5, labels_alone},
                {"judge-image", 4, judge_image},
                {"judge-text", 3, judge_text}};
    for (size_t i = 0; i < sizeof(JOBS) / sizeof(JOBS[0]); i++) {
        if (count_of_words == JOBS[i].words + 2 && strcmp(words[1], JOBS[i].name) == 0) {
            struct error err = {0};
            return JOBS[i].run(words + 2, &err) == STATUS_OK ? 0 : complain(&err);
        }
    }
    (void)fprintf(stderr, "usage: see the top of bench/distill_bench.c\n");
    return 2;
}
